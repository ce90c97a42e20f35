import t from 'tap';
import { compilePolicyText, emulate } from '../../../src/seccomp/compile.ts';
import { type ArchName, targetFor } from '../../../src/seccomp/target.ts';

const ALL = 2n ** 64n - 1n;
const ALLOW = 0x7fff_0000;
const KILL_THREAD = 0;

/** The verdict of the compiled program on `read`, or on another system call of the architecture. */
function verdict(
  text: string,
  args: readonly bigint[] = [],
  syscall = 'read',
  arch: ArchName = 'x86_64',
): number {
  const { program } = compilePolicyText(text, { arch });
  const { auditArch, syscalls } = targetFor(arch);
  return emulate(program, { nr: syscalls.get(syscall) ?? -1, arch: auditArch, args }).value;
}

function allows(condition: string, ...args: readonly bigint[]): boolean {
  return verdict(`read: ${condition}`, args) === ALLOW;
}

t.test('Atoms compare the whole argument, the upper half too', async (t) => {
  t.ok(allows('arg0 == 0xc018aa3f', 0xc018_aa3fn));
  t.notOk(allows('arg0 == 0xc018aa3f', 0xffff_ffff_c018_aa3fn), 'sign-extended');
  t.notOk(allows('arg0 == 0xc018aa3f', 0x1_c018_aa3fn));
  t.ok(allows('arg0 != 0xc018aa3f', 0x1_c018_aa3fn));
  t.ok(allows('arg0 == -1', ALL));
  t.notOk(allows('arg0 == -1', 0xffff_ffffn));
});

t.test('Atoms compare without signs', async (t) => {
  t.notOk(allows('arg0 < 5', ALL));
  t.ok(allows('arg0 > 5', ALL));
  t.ok(allows('arg0 >= 0x8000000000000000', 2n ** 63n));
  t.ok(allows('arg0 <= 0xffffffffffffffff', ALL));
  t.notOk(allows('arg0 > 0xffffffffffffffff', ALL));
  t.ok(allows('arg0 < 0x100000000', 0xffff_ffffn));
  t.notOk(allows('arg0 < 0x100000000', 0x1_0000_0000n));
});

t.test('& is true of any bit, and never of none', async (t) => {
  t.ok(allows('arg0 & 0x6400', 0x400n));
  t.ok(allows('arg0 & 0x6400', 0x4000n));
  t.notOk(allows('arg0 & 0x6400', 0x9bffn));
  t.notOk(allows('arg0 & 0', ALL));
  t.ok(allows('arg0 & 0x100000000', 2n ** 32n));
});

t.test('in is true when no bit outside is set', async (t) => {
  t.ok(allows('arg0 in PROT_READ|PROT_WRITE', 3n));
  t.ok(allows('arg0 in PROT_READ|PROT_WRITE', 0n));
  t.notOk(allows('arg0 in PROT_READ|PROT_WRITE', 4n));
  t.notOk(allows('arg0 in PROT_READ|PROT_WRITE', 1n | (1n << 32n)));
  t.ok(allows('arg0 in ~PROT_EXEC', ALL - 4n));
  t.notOk(allows('arg0 in ~PROT_EXEC', 4n));
  t.ok(allows('arg0 in 0', 0n));
  t.notOk(allows('arg0 in 0', 1n));
});

t.test('Constants are complemented, joined and numbered as the language says', async (t) => {
  t.ok(allows('arg0 == ~1|2', (ALL - 1n) | 2n), '~ binds tighter than |');
  t.ok(allows('arg0 == ~(1|2)', ALL - 3n));
  t.ok(allows('arg0 == ~(~7)', 7n));
  t.ok(allows('arg0 == 010', 8n), 'octal');
  t.ok(allows('arg0 == 08', 8n), 'no octal digit follows');
  t.ok(allows('arg0 == -0x8000000000000000', 2n ** 63n));
  t.ok(allows('arg0 == SI_TKILL', ALL - 5n));
  t.ok(allows('arg0 == CLONE_INTO_CGROUP', 2n ** 33n));
});

t.test('&& binds tighter than ||, and every argument can be asked', async (t) => {
  const condition = 'arg0 == 1 && arg5 == 6 || arg3 == 4';
  t.ok(allows(condition, 1n, 0n, 0n, 0n, 0n, 6n));
  t.ok(allows(condition, 0n, 0n, 0n, 4n));
  t.notOk(allows(condition, 1n));
});

t.test('Actions have the return values of the kernel', async (t) => {
  const cases = [
    ['allow', ALLOW],
    ['1', ALLOW],
    ['01', ALLOW],
    ['0x1', ALLOW],
    ['log', 0x7ffc_0000],
    ['trace', 0x7ff0_0000],
    ['user-notify', 0x7fc0_0000],
    ['return EPERM', 0x0005_0001],
    ['return 65536', 0x0005_0000],
    ['return -1', 0x0005_ffff],
    ['return 70000', 0x0005_1170],
    ['trap', 0x0003_0000],
    ['kill-thread', KILL_THREAD],
    ['kill-process', 0x8000_0000],
    ['kill', KILL_THREAD],
  ] as const;
  for (const [action, value] of cases) {
    t.equal(verdict(`read: ${action}`), value, action);
  }
});

t.test('The first filter that is true decides, wherever it stands', async (t) => {
  const text =
    'read: { arg0 == 1, arg0 in 0xff; return ENOTTY }\nread: arg0 < 0x200; log\nread: trap';
  t.equal(verdict(text, [1n]), ALLOW);
  t.equal(verdict(text, [2n]), 0x0005_0019);
  t.equal(verdict(text, [0x100n]), 0x7ffc_0000);
  t.equal(verdict(text, [0x200n]), 0x0003_0000);
  t.equal(
    verdict('read: { arg0 == 1; return EPERM, allow }', [1n]),
    0x0005_0001,
    'not thrown away',
  );
});

t.test('Calls that no statement names get the default, numbers beyond the table too', async (t) => {
  const { program } = compilePolicyText('@default trap\nread: 1', { arch: 'x86_64' });
  for (const nr of [1, 335, 400, 0x4000_0000, 0xffff_ffff]) {
    t.equal(emulate(program, { nr, arch: 0xc000_003e, args: [] }).value, 0x0003_0000, `${nr}`);
  }
});

t.test('A policy without statements is its default', async (t) => {
  t.equal(verdict(''), KILL_THREAD);
  t.equal(verdict('# nothing\n@default user-notify'), 0x7fc0_0000);
});

t.test(
  'Metadata chooses statements by architecture, and skips names it does not look up',
  async (t) => {
    const text =
      '{nosuch[arch=arm], read[arch=x86_64,arm64]}: 1\nwrite[arch=arm64]: trap\nopen[arch=x86_64]: 1';
    t.equal(verdict(text), ALLOW);
    t.equal(verdict(text, [], 'write'), KILL_THREAD);
    t.equal(verdict(text, [], 'write', 'aarch64'), 0x0003_0000);
    t.equal(verdict(text, [], 'read', 'aarch64'), ALLOW);
  },
);

t.test('kill before the colon is the system call', async (t) => {
  t.equal(verdict('kill: kill-process', [], 'kill'), 0x8000_0000);
});
