/** What a seccomp return value does to a call, in words. */
import { constants } from 'node:os';
import {
  describeReturn,
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_DATA,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_KILL_PROCESS,
  SECCOMP_RET_KILL_THREAD,
  SECCOMP_RET_LOG,
  SECCOMP_RET_TRACE,
  SECCOMP_RET_TRAP,
  SECCOMP_RET_USER_NOTIF,
} from '../seccomp/actions.ts';

const EFFECTS = new Map<number, string>([
  [SECCOMP_RET_ALLOW, 'the call is carried out'],
  [SECCOMP_RET_LOG, 'the call is carried out and logged'],
  [SECCOMP_RET_TRACE, 'a tracer decides; without one the call fails with ENOSYS'],
  [SECCOMP_RET_USER_NOTIF, 'the parent is told of the call and kills the device'],
  [SECCOMP_RET_TRAP, 'the thread gets SIGSYS'],
  [SECCOMP_RET_KILL_THREAD, 'the thread is killed'],
  [SECCOMP_RET_KILL_PROCESS, 'the process is killed'],
]);

function errnoName(errno: number): string {
  const found = Object.entries(constants.errno).find(([, value]) => value === errno);
  return found?.[0] ?? `errno ${errno}`;
}

/** `allow: the call is carried out`, `return 1: the call fails with EPERM`. */
export function describeAction(value: number): string {
  const data = value & SECCOMP_RET_DATA;
  const action = (value - data) >>> 0;
  const effect =
    action === SECCOMP_RET_ERRNO
      ? `the call fails with ${errnoName(data)}`
      : (EFFECTS.get(action) ??
        'the process is killed, because the kernel does not know the value');
  return `${describeReturn(value)}: ${effect}`;
}
