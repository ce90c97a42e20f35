/**
 * Arguments of which the kernel looks at the lower 32 bits only, while a filter compares all 64.
 *
 * A rule that *refuses* one value of such an argument can be walked around: the same value with a bit set in its upper
 * half is another number to the filter, and the same one to the kernel. CVE-2019-7303 was such a rule about TIOCSTI.
 */
import { isPermissive } from '../seccomp/actions.ts';
import { exploreCases, TooManyCases } from '../seccomp/explore.ts';
import { restrictFormula } from '../seccomp/formula.ts';
import { highWord, rangeFact } from '../seccomp/literal.ts';
import type { Policy } from '../seccomp/policy.ts';
import { policyFormula } from './reach.ts';

/** Arguments that system calls declare as `int` or `unsigned int`, or of whose flags none is in the upper half. */
const TRUNCATED: Readonly<Record<string, readonly number[]>> = {
  clone: [0],
  fadvise64: [0, 3],
  fallocate: [0, 1],
  fcntl: [0, 1],
  futex: [1],
  getrandom: [2],
  ioctl: [0, 1],
  kill: [0, 1],
  madvise: [2],
  memfd_create: [1],
  mmap: [2, 3, 4],
  mprotect: [2],
  open: [1],
  openat: [0, 2],
  personality: [0],
  prctl: [0],
  recvmsg: [0, 2],
  sendmsg: [0, 2],
  setsockopt: [0, 1, 2],
  socket: [0, 1, 2],
  socketpair: [0, 1, 2],
  tgkill: [0, 1, 2],
  unshare: [0],
};

/** A refusal that a bit in the upper half of an argument gets round. */
export interface TruncationHole {
  readonly syscall: string;
  readonly number: number;
  readonly arg: number;
  /** Six arguments that the policy lets through, although it refuses them with the upper half of `arg` cleared. */
  readonly example: readonly bigint[];
}

/** Every call and argument of the table above for which there is such a hole. */
export function findTruncationHoles(policy: Policy): readonly TruncationHole[] {
  return policy.syscalls.flatMap(({ name, number }) =>
    (TRUNCATED[name] ?? []).flatMap((arg) => {
      const example = exampleOfHole(policy, number, arg);
      return example === null ? [] : [{ syscall: name, number, arg, example }];
    }),
  );
}

function exampleOfHole(policy: Policy, number: number, arg: number): readonly bigint[] | null {
  const seen = policyFormula(policy, number);
  const meant = restrictFormula(seen, rangeFact(highWord(arg), 0, 0));
  if (seen.key === meant.key) {
    return null;
  }
  let example: readonly bigint[] | null = null;
  try {
    exploreCases([seen, meant], ({ verdicts: [filter = 0, kernel = 0], args }) => {
      if (isPermissive(filter) && !isPermissive(kernel)) {
        example ??= args;
      }
    });
  } catch (error) {
    if (!(error instanceof TooManyCases)) {
      throw error;
    }
  }
  return example;
}
