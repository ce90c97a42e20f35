/** Resource limits of a device process (setrlimit(2)), by the names that profiles use. */
import type { NativeRlimit } from '../sys/native.ts';

/** Name in a profile -> RLIMIT_* number of x86-64. */
export const RLIMIT_NUMBERS = {
  cpu: 0,
  fsize: 1,
  data: 2,
  stack: 3,
  core: 4,
  nproc: 6,
  nofile: 7,
  memlock: 8,
  as: 9,
  locks: 10,
  sigpending: 11,
  msgqueue: 12,
  nice: 13,
  rtprio: 14,
} as const;

export type RlimitName = keyof typeof RLIMIT_NUMBERS;

/** One limit of a profile, soft and hard alike: what a jail may raise again is no limit. */
export interface ProfileRlimit {
  readonly resource: RlimitName;
  /** In the resource's own unit. */
  readonly limit: number;
}

/** What the addon wants to hear. */
export function nativeRlimits(limits: readonly ProfileRlimit[]): NativeRlimit[] {
  return limits.map(({ resource, limit }) => ({
    resource: RLIMIT_NUMBERS[resource],
    soft: limit,
    hard: limit,
  }));
}
