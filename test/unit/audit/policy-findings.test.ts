import t from 'tap';
import { findInPolicy } from '../../../src/audit/policy-findings.ts';
import { isPermissive } from '../../../src/seccomp/actions.ts';
import { compilePolicyText } from '../../../src/seccomp/compile.ts';
import { evaluatePolicy } from '../../../src/seccomp/policy.ts';
import { policyOf, shortFindings } from './audit-subject.ts';

/** Findings of a policy all of whose rules have a comment. */
function findingsOf(...lines: readonly string[]): readonly string[] {
  const text = lines.map((line) => `${line} # Why.`).join('\n');
  return shortFindings(findInPolicy(policyOf(text), []));
}

t.test('findInPolicy has nothing to say about what every device needs', async (t) => {
  const found = findingsOf(
    'read: allow',
    'mmap: arg2 in ~PROT_EXEC',
    'fcntl: arg1 == F_GETFL',
    'socket: return EPERM',
  );
  t.same(found, []);
});

const dangers: readonly (readonly [line: string, finding: string])[] = [
  ['execve: allow', 'critical run-programs execve'],
  ['mount: arg3 == 0', 'critical change-jail mount'],
  ['io_uring_enter: allow', 'critical filter-bypass io_uring_enter'],
  ['ptrace: allow', 'critical other-processes ptrace'],
  ['bpf: allow', 'high kernel-surface bpf'],
  ['clone: allow', 'high create-processes clone'],
  ['clone3: allow', 'high unchecked-clone clone3'],
  ['mprotect: arg2 == PROT_WRITE|PROT_EXEC', 'high writable-executable mprotect'],
  ['mmap: arg2 == PROT_READ|PROT_EXEC', 'medium executable mmap'],
  ['openat: allow', 'high open-files openat'],
  ['unlinkat: allow', 'high change-files unlinkat'],
  ['socket: arg0 == AF_NETLINK', 'high network socket'],
  ['socket: arg0 == AF_UNIX', 'medium connect socket'],
  ['ioctl: arg1 == TIOCSTI', 'high terminal-injection ioctl'],
  ['ioctl: allow', 'high unnamed-ioctl ioctl'],
  ['ioctl: arg1 & 0x6400', 'high unnamed-ioctl ioctl'],
  ['kill: allow', 'medium signal-others kill'],
  ['prctl: allow', 'medium privileges prctl'],
  ['fcntl: allow', 'low signal-by-descriptor fcntl'],
];
for (const [line, finding] of dangers) {
  t.test(`findInPolicy finds "${line}"`, async (t) => {
    t.ok(findingsOf(line).includes(finding), findingsOf(line).join('; '));
  });
}

const harmless: readonly string[] = [
  'clone: arg0 & CLONE_THREAD',
  'clone3: return ENOSYS',
  'ioctl: arg1 == 0x400454d0 || arg1 == FIONBIO',
  'tgkill: arg2 == SIGABRT',
  'prctl: arg0 == PR_SET_VMA',
  'openat: return ENOENT',
];
for (const line of harmless) {
  t.test(`findInPolicy accepts "${line}"`, async (t) => {
    t.same(findingsOf(line), []);
  });
}

t.test('findInPolicy finds a refusal that a bit in the upper half gets round', async (t) => {
  const policy = policyOf('ioctl: { arg1 == TIOCSTI; return EPERM, arg0 == 3 } # Why.');
  const hole = findInPolicy(policy, []).find(({ id }) => id === 'upper-half');
  t.match(hole, { severity: 'high', subject: 'ioctl arg1', place: { line: 1 } });
  const args = hole?.example ?? [];
  const verdict = (request: bigint): boolean => {
    const call = { nr: 16, arch: policy.target.auditArch, args: [args[0] ?? 0n, request] };
    return isPermissive(evaluatePolicy(policy, call).value);
  };
  t.ok(verdict(args[1] ?? 0n), 'the example passes');
  t.notOk(verdict((args[1] ?? 0n) & 0xffff_ffffn), 'what the kernel makes of it would not');
});

t.test(
  'findInPolicy finds no hole where rules allow values, or compare bits of the lower half',
  async (t) => {
    t.notMatch(findingsOf('ioctl: arg1 == FIONBIO').join(), /upper-half/);
    t.notMatch(findingsOf('mmap: arg2 in ~PROT_EXEC').join(), /upper-half/);
    t.notMatch(findingsOf('mmap: { arg2 & PROT_EXEC; return EPERM, allow }').join(), /upper-half/);
  },
);

t.test('findInPolicy finds a default that lets calls through', async (t) => {
  const options = { arch: 'x86_64', defaultAction: 'allow' } as const;
  const { policy } = compilePolicyText('read: allow # Why.', options);
  t.match(shortFindings(findInPolicy(policy, []))[0], /critical permissive-default/);
});

t.test('findInPolicy finds rules without a reason, and passes warnings on', async (t) => {
  t.same(shortFindings(findInPolicy(policyOf('read: allow\nwrite: return EPERM'), [])), [
    'low unexplained read: allow',
  ]);
  const { policy, warnings } = compilePolicyText(
    'read: arg0 == 1 # Why.\nread: arg0 == 1 # Why.',
    { arch: 'x86_64' },
    'x.policy',
  );
  t.match(findInPolicy(policy, warnings), [
    { id: 'warning', place: { file: 'x.policy', line: 2 } },
  ]);
});

t.test('findInPolicy names the rule, its comment and a call', async (t) => {
  const [finding] = findInPolicy(policyOf('# Reads the time zone.\nopenat: arg2 == 7'), []);
  t.match(finding, {
    id: 'open-files',
    place: {
      file: 'x.policy',
      line: 2,
      text: 'openat: arg2 == 7',
      comment: 'Reads the time zone.',
    },
    example: [0n, 0n, 7n, 0n, 0n, 0n],
  });
});
