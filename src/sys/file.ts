/** Calls on open files that Node does not have, or not by descriptor alone. */
import { checkResult, EAGAIN, EINTR } from './errno.ts';
import { ioctl, ior } from './ioctl.ts';
import { bindNumeric, lastErrno } from './libc.ts';
import { allocateNative } from './mmap.ts';

const flock = bindNumeric('int flock(int fd, int operation)');
const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;

/** `int fdatasync(fd)`; negative with errno set on failure. */
export const fdatasync = bindNumeric('int fdatasync(int fd)');

/** `int fallocate(fd, mode, offset, sizeBytes)`; negative with errno set on failure. */
export const fallocate = bindNumeric(
  'int fallocate64(int fd, int mode, int64_t offset, int64_t length)',
);
export const FALLOC_FL_KEEP_SIZE = 1;
export const FALLOC_FL_PUNCH_HOLE = 2;
export const FALLOC_FL_ZERO_RANGE = 16;

const BLKGETSIZE64 = ior(0x12, 114, 8);
const scratch = allocateNative(8);

/**
 * Locks a whole file for as long as any descriptor of this open file exists, in whatever process (flock(2)).
 *
 * @returns false when somebody else has a lock that stands against it.
 * @throws ERR_SYSCALL where the file system has no locks.
 */
export function tryLock(fd: number, exclusive: boolean): boolean {
  for (;;) {
    if (flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) === 0) {
      return true;
    }
    const errno = lastErrno();
    if (errno === EAGAIN) {
      return false;
    }
    if (errno !== EINTR) {
      checkResult(-1, 'flock');
    }
  }
}

/** Size of a block device, in bytes. @throws ERR_SYSCALL */
export function blockDeviceBytes(fd: number): number {
  checkResult(ioctl(fd, BLKGETSIZE64, scratch.address), 'ioctl(BLKGETSIZE64)');
  return scratch.view.getUint32(4, true) * 0x1_0000_0000 + scratch.view.getUint32(0, true);
}
