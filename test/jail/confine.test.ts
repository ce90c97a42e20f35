/**
 * Tries to get out of a jail once its seccomp filter is loaded: each attempt is stopped before the kernel does
 * anything, the parent learns which call it was, and the device is gone.
 */
import { constants } from 'node:os';
import t from 'tap';
import { describeViolation } from '../../src/jail/violation.ts';
import { AUDIT_ARCH_X86_64, targetFor } from '../../src/seccomp/target.ts';
import { skipWithoutJails } from '../support/jailed-node.ts';
import { JailedProbe } from '../support/jailed-probe.ts';
import { strictProgram } from '../support/strict-policy.ts';

const skip = skipWithoutJails();
const { syscalls, syscallNames } = targetFor('x86_64');
const AT_FDCWD = -100;

const attempts: readonly { readonly name: string; readonly args: readonly number[] }[] = [
  { name: 'openat', args: [AT_FDCWD, 0, 0] },
  { name: 'socket', args: [2, 1, 0] },
  { name: 'connect', args: [3, 0, 0] },
  { name: 'execve', args: [0, 0, 0] },
  // Fork: no new thread, but a new process.
  { name: 'clone', args: [constants.signals.SIGCHLD, 0, 0, 0, 0] },
  { name: 'ptrace', args: [16, 1, 0, 0] },
  { name: 'kill', args: [1, 9] },
  { name: 'mount', args: [0, 0, 0, 0, 0] },
  { name: 'unshare', args: [0x1000_0000] },
  { name: 'io_uring_setup', args: [8, 0] },
  { name: 'bpf', args: [0, 0, 0] },
  { name: 'userfaultfd', args: [1] },
  { name: 'keyctl', args: [0, 0] },
  { name: 'seccomp', args: [1, 0, 0] },
];

for (const { name, args } of attempts) {
  t.test(`a confined device is stopped at ${name}, named, and killed`, { skip }, async (t) => {
    using probe = new JailedProbe('rng');
    probe.confine(strictProgram());
    const number = syscalls.get(name) ?? -1;
    const violation = probe.orderOrStop({ number, args });
    const unsigned = args.map((value) => BigInt.asUintN(64, BigInt(value)));
    t.match(violation, { syscall: number, arch: AUDIT_ARCH_X86_64 });
    t.ok('args' in violation);
    if (!('args' in violation)) {
      return;
    }
    t.strictSame(violation.args.slice(0, args.length), unsigned);
    const sentence = describeViolation(violation, {
      device: 'rng0',
      policy: 'rng_device.policy',
      syscallName: (wanted) => syscallNames.get(wanted),
    });
    t.ok(sentence.startsWith(`rng0 tried ${name}(`), sentence);
    probe.device.kill();
    t.strictSame(await probe.device.wait(), {
      kind: 'signaled',
      signal: constants.signals.SIGKILL,
    });
  });
}

t.test('a confined device goes on as long as it keeps to its policy', { skip }, async (t) => {
  using probe = new JailedProbe('block');
  probe.confine(strictProgram());
  const outcome = probe.orderOrStop({ number: syscalls.get('getpid') ?? -1, args: [] });
  t.strictSame(outcome, { result: 1, errno: 0 });
  t.equal(probe.device.poll(), undefined);
});
