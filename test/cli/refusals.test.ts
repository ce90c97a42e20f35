/** The program refuses what it does not understand: exit code 35, one message that names the option, nothing started. */
import { join } from 'node:path';
import t from 'tap';
import { runCrosvm, SIGNS_OF_A_MISTAKE } from '../support/crosvm-process.ts';
import { describeRun } from '../support/small-guest.ts';
import { kvmUnavailable } from '../support/tiny-machine.ts';

const directory = t.testdir({ kernel: 'not a kernel', disk: 'x'.repeat(512) });
const KERNEL = join(directory, 'kernel');
const DISK = join(directory, 'disk');

const REFUSALS: readonly { readonly args: readonly string[]; readonly says: RegExp }[] = [
  { args: [], says: /Usage: crosvm/ },
  { args: ['rnu', KERNEL], says: /unknown command 'rnu'[^]*Did you mean run\?/ },
  { args: ['run'], says: /missing required argument 'KERNEL'/ },
  { args: ['run', KERNEL, 'second'], says: /too many arguments/ },
  { args: ['run', '--cpu', '2', KERNEL], says: /unknown option '--cpu'[^]*Did you mean --cpus\?/ },
  { args: ['run', '--rwdsk', DISK, KERNEL], says: /unknown option '--rwdsk'[^]*--rwdisk/ },
  { args: ['run', '--cpus'], says: /option '-c, --cpus <N>' argument missing/ },
  { args: ['run', '--cpus', 'many', KERNEL], says: /--cpus many: must be a whole number of vCPUs/ },
  { args: ['run', '-c', '0', KERNEL], says: /--cpus 0: / },
  { args: ['run', '--mem', '16', KERNEL], says: /--mem 16: must be .* from 32 to/ },
  {
    args: ['run', '/nowhere/vmlinux'],
    says: /KERNEL \/nowhere\/vmlinux: this kernel path does not/,
  },
  { args: ['run', directory], says: /KERNEL .*: this is a directory/ },
  { args: ['run', '-i', '/nowhere/initrd', KERNEL], says: /--initrd \/nowhere\/initrd: / },
  { args: ['run', '-d', '/nowhere/disk', KERNEL], says: /--disk \/nowhere\/disk: this disk path/ },
  { args: ['run', '--rwdisk', directory, KERNEL], says: /--rwdisk .*: this is a directory/ },
  { args: ['run', '-r', DISK, '--rwroot', DISK, KERNEL], says: /--rwroot .*only one root disk/ },
  {
    args: ['run', '-b', `${DISK},sprase`, KERNEL],
    says: /--block .*"sprase"; did you mean "sparse"/,
  },
  { args: ['run', '-b', `${DISK},block-size=3`, KERNEL], says: /block.?size.*3/i },
  { args: ['run', '-b', `${DISK},id=${'x'.repeat(21)}`, KERNEL], says: /id.*20/ },
  {
    args: ['run', '--serial', 'type=fiel,path=/x', KERNEL],
    says: /--serial .*did you mean "file"/,
  },
  { args: ['run', '--serial', 'num=9', KERNEL], says: /--serial num=9: .* must be 4 or less/ },
  {
    args: ['run', '--serial', 'type=file,path=/nowhere/x', KERNEL],
    says: /--serial .*\/nowhere\/x/,
  },
  {
    args: ['run', '--serial', 'type=unix,path=/nowhere/x', KERNEL],
    says: /--serial .*\/nowhere\/x/,
  },
  {
    args: ['run', '--seccomp-policy-dir', '/nowhere', KERNEL],
    says: /--seccomp-policy-dir \/nowhere: there is no such directory/,
  },
  {
    args: ['--log-level', 'loud', 'run', KERNEL],
    says: /--log-level .*'loud' is invalid[^]*error, warn/,
  },
  { args: ['stop'], says: /missing required argument 'socket'/ },
];

for (const { args, says } of REFUSALS) {
  const shown = args.map((word) => word.replace(directory, '…')).join(' ');
  t.test(`crosvm ${shown}: is refused with 35`, async (t) => {
    const end = await runCrosvm(t, args);
    t.equal(end.code, 35, describeRun(end));
    t.match(end.stderr, says);
    t.notMatch(end.stderr, SIGNS_OF_A_MISTAKE);
    t.equal(end.stdout, '', 'nothing but messages');
  });
}

for (const type of ['file', 'unix']) {
  const skip = kvmUnavailable() ?? false;
  t.test(
    `crosvm run --serial type=${type}: a path that cannot be opened is named`,
    { skip },
    async (t) => {
      const serial = ['--serial', `type=${type},path=/nowhere/x`];
      const end = await runCrosvm(t, ['run', '--disable-sandbox', '--no-rng', ...serial, KERNEL]);
      t.equal(end.code, 35, describeRun(end));
      t.match(end.stderr, /--serial .*\/nowhere\/x/);
      t.notMatch(end.stderr, SIGNS_OF_A_MISTAKE);
    },
  );
}

t.test('crosvm --help and version: what was asked for is no error', async (t) => {
  const [help, runHelp, version] = await Promise.all(
    [['--help'], ['run', '--help'], ['version']].map((args) => runCrosvm(t, args)),
  );
  t.match(help, { code: 0, stdout: /Usage: crosvm .*[^]*run .*[^]*stop / });
  t.match(runHelp, { code: 0, stdout: /--rwdisk <PATH>[^]*--disable-sandbox/ });
  t.match(version, { code: 0, stdout: /^crosvm-node \d+\.\d+\.\d+\n$/ });
});
