/** Reads and writes by address, without a copy and without libuv. */
import { EINTR } from './errno.ts';
import { bindNumeric, lastErrno } from './libc.ts';

/** `ssize_t read(fd, address, sizeBytes)`; negative with {@link lastErrno} set on failure. */
export const readAddress = bindNumeric('long read(int fd, uintptr_t buffer, size_t count)');
/** `ssize_t write(fd, address, sizeBytes)`. */
export const writeAddress = bindNumeric('long write(int fd, uintptr_t buffer, size_t count)');
/** `ssize_t pread(fd, address, sizeBytes, offset)`. */
export const preadAddress = bindNumeric(
  'long pread64(int fd, uintptr_t buffer, size_t count, int64_t offset)',
);
/** `ssize_t pwrite(fd, address, sizeBytes, offset)`. */
export const pwriteAddress = bindNumeric(
  'long pwrite64(int fd, uintptr_t buffer, size_t count, int64_t offset)',
);
/** `ssize_t preadv(fd, iovecAddress, count, offset)`. */
export const preadvAddress = bindNumeric(
  'long preadv64(int fd, uintptr_t iov, int count, int64_t offset)',
);
/** `ssize_t pwritev(fd, iovecAddress, count, offset)`. */
export const pwritevAddress = bindNumeric(
  'long pwritev64(int fd, uintptr_t iov, int count, int64_t offset)',
);

/** Bytes of one `struct iovec`. */
export const IOVEC_BYTES = 16;

/** Writes one `struct iovec`: base at 0, length at 8, both 64 bits wide. */
export function setIovec(view: DataView, index: number, address: number, sizeBytes: number): void {
  const at = index * IOVEC_BYTES;
  view.setUint32(at, address % 0x1_0000_0000, true);
  view.setUint32(at + 4, Math.floor(address / 0x1_0000_0000), true);
  view.setUint32(at + 8, sizeBytes, true);
  view.setUint32(at + 12, 0, true);
}

/** Reads exactly `sizeBytes` unless the file ends or fails first; returns what was read, or -1 with errno set. */
export function readFully(fd: number, address: number, sizeBytes: number): number {
  let done = 0;
  while (done < sizeBytes) {
    const count = readAddress(fd, address + done, sizeBytes - done);
    if (count === 0) {
      break;
    }
    if (count < 0) {
      if (lastErrno() === EINTR) {
        continue;
      }
      return -1;
    }
    done += count;
  }
  return done;
}
