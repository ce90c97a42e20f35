/** errno by number and by name, and the error that a failed system call becomes. */
import { constants } from 'node:os';
import { HostError } from '../base/errors.ts';
import { lastErrno } from './libc.ts';

const names = new Map<number, string>(
  Object.entries(constants.errno).map(([name, value]) => [value, name]),
);

export const { EAGAIN, EBADF, EBUSY, ECONNREFUSED, EEXIST, EINTR, EINVAL, ENOENT } =
  constants.errno;
export const { ENOSPC, ENOTTY, EPERM, EPIPE, ESRCH, EACCES, EIO, ECONNRESET } = constants.errno;
export const { EFAULT, ENOSYS } = constants.errno;

/** `EPERM` for 1, and so on; the number itself where the host has no name for it. */
export function errnoName(errno: number): string {
  return names.get(errno) ?? `errno ${errno}`;
}

/**
 * The error of a system call that has just failed in this thread.
 *
 * @param syscall the call as a reader would write it, `ioctl(KVM_CREATE_VM)` for example.
 * @param hint what to do about it, or what it was for.
 */
export function syscallError(syscall: string, hint?: string, errno = lastErrno()): HostError {
  const suffix = hint === undefined ? '' : ` (${hint})`;
  return new HostError('ERR_SYSCALL', `${syscall} failed: ${errnoName(errno)}${suffix}`, {
    syscall,
    errno,
  });
}

/** Returns the result of a system call, or throws {@link syscallError} where it is negative. */
export function checkResult(result: number, syscall: string, hint?: string): number {
  if (result < 0) {
    throw syscallError(syscall, hint);
  }
  return result;
}
