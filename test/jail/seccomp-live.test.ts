/**
 * Compiled programs in the kernel: its verdict on many calls is the interpreter's. Refusals are errno values that no
 * system call returns by itself, so that a process can tell them from what the kernel answers when a call passes.
 *
 * Calls that pass are carried out, so they are such that nothing comes of them: queries, or bad descriptors.
 */
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { projectRoot } from '../../src/artifacts/sources.ts';
import { auditedKinds, findDevicePolicy } from '../../src/audit/subject.ts';
import { SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO } from '../../src/seccomp/actions.ts';
import { compilePolicyFile, compilePolicyText } from '../../src/seccomp/compile.ts';
import type { Policy, SeccompData } from '../../src/seccomp/policy.ts';
import { AUDIT_ARCH_X86_64, targetFor } from '../../src/seccomp/target.ts';
import {
  disagreements,
  type FilterAnswer,
  predict,
  runUnderFilter,
} from '../support/live-filter.ts';
import { edgeCalls, policyText } from '../unit/seccomp/policy-generator.ts';

const { syscalls } = targetFor('x86_64');
const ROOT = projectRoot(import.meta.dirname);
const ALL_ONES = 2n ** 64n - 1n;

function callOf(name: string, args: readonly bigint[] = []): SeccompData {
  const padded = Array.from({ length: 6 }, (_, index) => args[index] ?? 0n);
  return { nr: syscalls.get(name) ?? -1, arch: AUDIT_ARCH_X86_64, args: padded };
}

/** Stand-ins for the generator's calls: queries that Node does not need, harmless with any arguments. */
const QUERIES: Readonly<Record<string, string>> = {
  read: 'getpriority',
  write: 'sched_get_priority_max',
  open: 'sched_get_priority_min',
  close: 'getpgid',
  mmap: 'getsid',
  mprotect: 'sched_getscheduler',
  ioctl: 'timer_getoverrun',
  futex: 'ioprio_get',
  mseal: 'getppid',
  kill: 'getpgrp',
};
/** Every action but allow and log becomes an errno of its own. */
const ERRNOS: Readonly<Record<string, string>> = {
  'kill-process': 'return 3001',
  'user-notify': 'return 3002',
  'return 1': 'return 3003',
  'return 38': 'return 3004',
  trap: 'return 3005',
  kill: 'return 3006',
};
/** Numbers that no kernel has: beyond the table, with the bit of x32, negative. */
const NO_CALLS = [600, 0x4000_0258, 0x7fff_ffff, 0xffff_ffff];

function harmless(text: string): string {
  return text
    .replace(/^@default .*$/m, '')
    .replace(/^(\w+):/gm, (_, name: string) => `${QUERIES[name] ?? name}:`)
    .replace(
      /kill-process|user-notify|return 1\b|return 38|trap|(?<=[;{,] )kill/g,
      (action) => ERRNOS[action] ?? action,
    );
}

/** Edge calls of a policy, those of other calls moved to numbers that there are not. */
function harmlessCalls(policy: Policy, seed: number): readonly SeccompData[] {
  const named = new Set(policy.syscalls.map(({ number }) => number));
  return edgeCalls(policy, 400, seed).map((call) =>
    named.has(call.nr) ? call : { ...call, nr: NO_CALLS[call.nr % NO_CALLS.length] ?? 600 },
  );
}

const RANDOM_POLICIES = 24;
const SEED = 20_240_611;

t.test('the kernel decides as the interpreter does, for random policies', async (t) => {
  const texts = fc.sample(policyText, { numRuns: RANDOM_POLICIES, seed: SEED }).map(harmless);
  const answers: FilterAnswer[] = [];
  for (const [index, text] of texts.entries()) {
    const options = { arch: 'x86_64', defaultReturn: SECCOMP_RET_ALLOW } as const;
    const { program, policy } = compilePolicyText(text, options);
    const calls = harmlessCalls(policy, index);
    const { errnos, stderr } = runUnderFilter(program, calls);
    t.equal(errnos?.length, calls.length, stderr);
    t.same(disagreements(errnos ?? [], program, calls), [], text);
    answers.push(...calls.map((call) => predict(program, call)));
  }
  const passed = answers.filter((answer) => answer === 'pass').length;
  t.ok(passed > 500 && answers.length - passed > 500, `${passed} of ${answers.length} passed`);
});

t.test('a program that is not the one in the kernel is noticed', async (t) => {
  const options = { arch: 'x86_64', defaultReturn: SECCOMP_RET_ALLOW } as const;
  const installed = compilePolicyText('getpgid: arg0 == 1; return 3001', options).program;
  const other = compilePolicyText('getpgid: arg0 == 2; return 3001', options).program;
  const calls = [0n, 1n, 2n, 3n].map((arg) => callOf('getpgid', [arg]));
  const { errnos, stderr } = runUnderFilter(installed, calls);
  t.same(disagreements(errnos ?? [], installed, calls), [], stderr);
  t.equal(disagreements(errnos ?? [], other, calls).length, 2);
});

t.test('the kernel compares all 64 bits of an argument, as the language says', async (t) => {
  const text =
    'getpriority: { arg0 == 0x5; return 3001, arg0 in 0xf0; return 3002, arg1 > 0xffffffff; return 3003 }';
  const options = { arch: 'x86_64', defaultReturn: SECCOMP_RET_ALLOW } as const;
  const { program } = compilePolicyText(text, options);
  const { errnos } = runUnderFilter(program, [
    callOf('getpriority', [5n]),
    callOf('getpriority', [0x1_0000_0005n]),
    callOf('getpriority', [0x30n]),
    callOf('getpriority', [0x1_0000_0030n]),
    callOf('getpriority', [9n, 0x1_0000_0000n]),
    callOf('getpriority', [9n, 0xffff_ffffn]),
  ]);
  const EINVAL = 22;
  t.same(errnos, [3001, EINVAL, 3002, EINVAL, 3003, EINVAL]);
});

t.test('actions do what they are said to do', async (t) => {
  const run = (action: string) => {
    const options = { arch: 'x86_64', defaultReturn: SECCOMP_RET_ALLOW } as const;
    const { program } = compilePolicyText(`getppid: ${action}`, options);
    return runUnderFilter(program, [callOf('getppid')]);
  };
  const [EPERM, ENOSYS, ERRNO_MAX] = [1, 38, 4095];
  t.same(run('allow').errnos, [0]);
  t.same(run('log').errnos, [0]);
  t.same(run('return EPERM').errnos, [EPERM]);
  t.same(run('return 0').errnos, [0]);
  t.same(run('return 65535').errnos, [ERRNO_MAX], 'the kernel cuts it');
  t.same(run('user-notify').errnos, [ENOSYS], 'nobody listens');
  t.match(run('trap'), { errnos: null, signal: 'SIGSYS' });
  t.match(run('kill-process'), { errnos: null, signal: 'SIGSYS' });
});

/** What would end the process, stop it, or double it, should a filter let it pass. */
const NEVER_CALLED = [
  'exit',
  'exit_group',
  'fork',
  'pause',
  'restart_syscall',
  'rt_sigreturn',
  'uretprobe',
  'vfork',
  'vhangup',
];
/** Arguments with which a call that passes fails at once; all others get descriptor and pointers of all ones. */
const FAILING_ARGUMENTS: Readonly<Record<string, readonly bigint[]>> = {
  brk: [0n],
  // No such operation.
  futex: [0n, 127n],
  // Addresses that are no page's.
  madvise: [1n],
  mprotect: [1n],
  munmap: [1n, ALL_ONES],
  mremap: [1n, 1n, 1n, ALL_ONES],
  // No length.
  mmap: [0n, 0n],
};

/** A call with every combination of values at the edges of what the policy compares with. */
function callsOf(policy: Policy, name: string): readonly SeccompData[] {
  const base = FAILING_ARGUMENTS[name] ?? Array.from({ length: 6 }, () => ALL_ONES);
  const atoms = policy.syscalls
    .filter((syscall) => syscall.name === name)
    .flatMap(({ rules }) => rules.flatMap(({ expression }) => expression?.flat() ?? []));
  let variants: readonly (readonly bigint[])[] = [
    Array.from({ length: 6 }, (_, i) => base[i] ?? 0n),
  ];
  for (const arg of new Set(atoms.map((atom) => atom.arg))) {
    const values = atoms.filter((atom) => atom.arg === arg).flatMap(({ value }) => edgesOf(value));
    variants = variants.flatMap((args) =>
      [...new Set(values)].map((value) => args.map((old, index) => (index === arg ? value : old))),
    );
  }
  return variants.map((args) => callOf(name, args));
}

function edgesOf(value: bigint): readonly bigint[] {
  return [value - 1n, value, value + 1n, value ^ (1n << 32n), ~value, 4n, 7n].map((edge) =>
    BigInt.asUintN(64, edge),
  );
}

const REFUSED = 3999;

for (const kind of auditedKinds()) {
  t.test(`the kernel decides as the interpreter does, for the policy of ${kind}`, async (t) => {
    const directories = { profiles: join(ROOT, 'policy'), policies: join(ROOT, 'seccomp/x86_64') };
    const { path } = await findDevicePolicy(kind, directories);
    const options = { arch: 'x86_64', defaultReturn: SECCOMP_RET_ERRNO + REFUSED } as const;
    const { program, policy } = compilePolicyFile(path, options);
    const names = [...syscalls.keys()].filter((name) => !NEVER_CALLED.includes(name));
    const calls = names.flatMap((name) => callsOf(policy, name));
    // Without a compiler V8 needs no executable memory, which the policy of a jitless device refuses.
    const { errnos, stderr } = runUnderFilter(program, calls, ['--jitless', '--no-expose-wasm']);
    t.equal(errnos?.length, calls.length, stderr);
    t.same(disagreements(errnos ?? [], program, calls), []);
    const refused = calls.filter((call) => predict(program, call) === REFUSED).length;
    t.ok(refused > 300 && refused < calls.length - 20, `${refused} of ${calls.length} refused`);
  });
}
