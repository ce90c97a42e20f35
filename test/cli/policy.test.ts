/** `crosvm policy compile`, `check`, `explain` and `diff`, as processes. */
import { readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { AUDIT_ARCH_AARCH64, AUDIT_ARCH_X86_64, emulate } from '../../src/seccomp/compile.ts';
import { runPolicy } from '../support/policy-command.ts';

const GOOD =
  '# Reads.\nread: arg0 == 3 || arg0 == 4\nmmap: { arg2 & PROT_EXEC; return EPERM, allow }\n';
const BAD = 'read: allow\nnosuchcall: 1\nwrite: arg9 == 1\n@include ./missing.policy\n';
const FILES = { 'good.policy': GOOD, 'bad.policy': BAD };

t.test('compile writes struct sock_filter[], little-endian', async (t) => {
  const cwd = t.testdir(FILES);
  const run = runPolicy(cwd, 'compile', 'good.policy', '--arch', 'x86_64', '--output', 'out.bpf');
  t.match(run, { code: 0, stdout: '', stderr: '' });
  const program = readFileSync(join(cwd, 'out.bpf'));
  t.equal(program.length % 8, 0);
  t.equal(program.readUInt16LE(0), 0x20, 'BPF_LD | BPF_W | BPF_ABS');
  t.equal(program.readUInt32LE(4), 4, 'offset of seccomp_data.arch');
  const verdict = (nr: number, arg: bigint): number =>
    emulate(program, { nr, arch: AUDIT_ARCH_X86_64, args: [arg, 0n, arg] }).value;
  t.equal(verdict(0, 3n), 0x7fff_0000);
  t.equal(verdict(0, 5n), 0, 'kill-thread, the default');
  t.equal(verdict(9, 4n), 0x0005_0001, 'EPERM');
});

t.test('compile takes architecture, default action and the meaning of kill', async (t) => {
  const cwd = t.testdir(FILES);
  const options = ['--arch', 'arm64', '--default-action', 'trap', '--use-kill-process'];
  t.equal(runPolicy(cwd, 'compile', 'good.policy', ...options, '-o', 'out.bpf').code, 0);
  const program = readFileSync(join(cwd, 'out.bpf'));
  const run = (arch: number): number => emulate(program, { nr: 0, arch, args: [] }).value;
  t.equal(run(AUDIT_ARCH_AARCH64), 0x0003_0000, 'trap');
  t.equal(run(AUDIT_ARCH_X86_64), 0x8000_0000, 'kill-process for another architecture');
});

t.test('compile takes the includes of installed policies from --include-dir', async (t) => {
  const cwd = t.testdir({
    'x.policy': '@include /usr/share/policy/crosvm/common.policy\n',
    inc: { 'common.policy': 'read: allow\n' },
  });
  t.match(runPolicy(cwd, 'compile', 'x.policy', '-o', 'a'), {
    code: 1,
    stderr: /Could not @include/,
  });
  t.equal(runPolicy(cwd, 'compile', 'x.policy', '--include-dir', 'inc', '-o', 'a').code, 0);
});

t.test('compile writes JSON, a listing and C', async (t) => {
  const cwd = t.testdir(FILES);
  const format = (name: string) =>
    runPolicy(cwd, 'compile', 'good.policy', '--format', name, '--output', '-').stdout;
  t.match(JSON.parse(format('json')), { length: Number, instructions: [{ code: 0x20, k: 4 }] });
  t.match(format('asm'), /^ +0 {2}load arch$/m);
  t.match(format('c'), /static const struct sock_filter good\[\] = \{/);
});

t.test('compile leaves nothing behind when it fails, and what was there as it was', async (t) => {
  const cwd = t.testdir({ ...FILES, 'old.bpf': 'old' });
  t.equal(runPolicy(cwd, 'compile', 'bad.policy', '--output', 'new.bpf').code, 1);
  t.equal(runPolicy(cwd, 'compile', 'bad.policy', '--output', 'old.bpf').code, 1);
  t.equal(runPolicy(cwd, 'compile', 'good.policy', '--output', '.').code, 35, 'a directory');
  t.same(readdirSync(cwd).sort(), ['bad.policy', 'good.policy', 'old.bpf']);
  t.equal(readFileSync(join(cwd, 'old.bpf'), 'utf8'), 'old');
});

t.test('compile writes through links and to devices, and replaces neither', async (t) => {
  const cwd = t.testdir({ ...FILES, 'real.bpf': '' });
  symlinkSync('real.bpf', join(cwd, 'link.bpf'));
  t.equal(runPolicy(cwd, 'compile', 'good.policy', '-o', 'link.bpf').code, 0);
  t.ok(statSync(join(cwd, 'real.bpf')).size > 0);
  t.equal(runPolicy(cwd, 'compile', 'good.policy', '-o', '/dev/null').code, 0);
  t.ok(statSync('/dev/null').isCharacterDevice());
});

t.test('check shows every error of every file', async (t) => {
  const cwd = t.testdir(FILES);
  const run = runPolicy(cwd, 'check', 'bad.policy', 'good.policy');
  t.equal(run.code, 1);
  t.match(run.stdout, /bad\.policy\(2:1\): nonexistent syscall/);
  t.match(run.stdout, /bad\.policy\(3:8\): invalid argument/);
  t.match(run.stdout, /bad\.policy\(4:10\): Could not @include/);
  t.match(run.stdout, /^bad\.policy: 3 errors$/m);
  t.match(run.stdout, /^good\.policy: ok \(2 system calls, \d+ instructions\)$/m);
});

t.test('check shows warnings, which are no failure', async (t) => {
  const cwd = t.testdir({ 'w.policy': 'read: arg0 == 1\nread: arg0 == 1\n' });
  t.match(runPolicy(cwd, 'check', 'w.policy'), {
    code: 0,
    stdout:
      /w\.policy\(2:7\): warning: read: the same rule was already given[^]*w\.policy: 1 warning /,
  });
});

t.test('explain tells verdict, line, comment and path of one call', async (t) => {
  const cwd = t.testdir(FILES);
  const allowed = runPolicy(cwd, 'explain', 'good.policy', 'read', 'arg0=4');
  t.equal(allowed.code, 0);
  t.match(allowed.stdout, /^read\(0x4, 0x0, 0x0\)\n {2}allow: the call is carried out\n/);
  t.match(allowed.stdout, /good\.policy:2: read: arg0 == 3 \|\| arg0 == 4\n +# Reads\./);
  t.match(allowed.stdout, /0: load arch\n[^]*return allow\n$/);
  const refused = runPolicy(cwd, 'explain', 'good.policy', 'mmap', 'arg2=PROT_READ|PROT_EXEC');
  t.match(
    refused.stdout,
    /return 1: the call fails with EPERM\n {2}decided by\n {4}good\.policy:3/,
  );
});

t.test('explain gives the exact condition without arguments', async (t) => {
  const cwd = t.testdir(FILES);
  const { stdout } = runPolicy(cwd, 'explain', './good.policy', 'mmap');
  t.match(
    stdout,
    /^mmap passes exactly when\n {2}always\n {4}unless prot \(arg2\) has a bit of PROT_EXEC/,
  );
  t.match(
    runPolicy(cwd, 'explain', './good.policy', 'openat').stdout,
    /^openat never passes: no rule names it/,
  );
});

t.test(
  'explain knows devices by name, under the action with which they are installed',
  async (t) => {
    const run = runPolicy(t.testdir({}), 'explain', 'rng', 'openat');
    t.match(run, {
      code: 0,
      stdout: /user-notify: the parent is told of the call and kills the device/,
    });
  },
);

t.test('diff finds two texts of one meaning equal', async (t) => {
  const cwd = t.testdir({
    'a.policy': 'read: arg0 == 1 || arg0 == 2\nwrite: allow\n',
    'b.policy':
      '{write, close}: allow # Another order.\nread: { arg0 > 2; kill, arg0 == 0; kill, allow }\nclose: kill\n',
    'c.policy': 'write: 1\nread: arg0 in 3 && arg0 != 0 && arg0 != 3 # No other words.\n',
  });
  t.match(runPolicy(cwd, 'diff', 'a.policy', 'c.policy'), {
    code: 0,
    stdout: 'The policies mean the same.\n',
  });
  t.equal(runPolicy(cwd, 'diff', 'a.policy', 'b.policy').code, 1, 'b does not compile');
});

t.test('diff shows what is newly allowed, refused and changed, each with a call', async (t) => {
  const cwd = t.testdir({
    'a.policy': 'read: arg0 == 1\nwrite: allow\nopen: return ENOENT\n',
    'b.policy': 'read: arg0 == 1 || arg0 == 9\nopen: return EPERM\n',
  });
  const { code, stdout } = runPolicy(cwd, 'diff', 'a.policy', 'b.policy');
  t.equal(code, 1);
  t.match(
    stdout,
    /newly allowed:\n {2}read\(0x9, 0x0, 0x0\): kill-thread -> allow\n {4}before: the default action\n {4}after: {2}b\.policy:1/,
  );
  t.match(stdout, /newly refused:\n {2}write\(0x0, 0x0, 0x0\): allow -> kill-thread/);
  t.match(stdout, /changed in action:\n {2}open\(0x0, 0x0, 0x0\): return 2 -> return 1/);
});

const wrong: readonly (readonly [args: readonly string[], message: RegExp])[] = [
  [[], /Usage: crosvm policy/],
  [['frob'], /unknown command 'frob'/],
  [['compile', 'good.policy'], /required option '-o, --output <FILE>'/],
  [['compile', 'missing.policy', '-o', 'x'], /missing\.policy\(1:1\): cannot be read/],
  [['compile', 'good.policy', '-o', 'no/dir'], /--output no\/dir cannot be written: ENOENT/],
  [['compile', 'good.policy', '-o', 'x', '--arch', 'mips'], /'mips' is invalid.*x86_64/],
  [['compile', 'good.policy', '-o', 'x', '--default-action', 'frob'], /--default-action.*invalid/s],
  [['check', 'missing.policy'], /^$/],
  [['explain', 'blok', 'read'], /"blok" is neither a device \(block.*did you mean "block"/],
  [['explain', 'rng', 'opnat'], /no system call "opnat"; did you mean "openat"/],
  [['explain', 'rng', 'read', 'arg7=1'], /arg7=1: arguments are written/],
  [['audit', 'blok'], /no device "blok"; did you mean "block"/],
  [
    ['audit', '--baseline', 'missing.json'],
    /there is no baseline .*missing\.json; --accept writes one/,
  ],
];
for (const [args, message] of wrong) {
  t.test(`crosvm policy ${args.join(' ')} is a wrong argument`, async (t) => {
    const cwd = t.testdir(FILES);
    const run = runPolicy(cwd, ...args);
    t.equal(run.code, 35, run.stderr);
    t.match(run.stderr, message);
    t.notMatch(run.stderr, /\n {4}at /, 'no stack');
    t.same(readdirSync(cwd).sort(), ['bad.policy', 'good.policy']);
  });
}

t.test('denylists need their option', async (t) => {
  const cwd = t.testdir({});
  writeFileSync(join(cwd, 'd.policy'), '@denylist\nptrace: return EPERM\n');
  t.match(runPolicy(cwd, 'check', 'd.policy'), { code: 1, stdout: /flag --denylist not passed/ });
  t.equal(runPolicy(cwd, 'check', '--denylist', 'd.policy').code, 0);
});
