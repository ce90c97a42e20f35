/**
 * A disk whose bytes are those of a file or block device: sector n lies at n * 512.
 *
 * Every range that gets here was checked against the size. Operations return 0 or the errno of what failed.
 */
import { EINTR, EIO } from '../../../sys/errno.ts';
import type { OwnedFd } from '../../../sys/fd.ts';
import {
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  FALLOC_FL_ZERO_RANGE,
  fallocate,
  fdatasync,
} from '../../../sys/file.ts';
import { preadAddress, preadvAddress, pwriteAddress, pwritevAddress } from '../../../sys/io.ts';
import { lastErrno, type NumericFunction } from '../../../sys/libc.ts';
import { allocateNative } from '../../../sys/mmap.ts';
import { IOV_MAX, type IovecList } from '../../../virtio/chain-io.ts';

const EOPNOTSUPP = 95;
const ENOSYS = 38;
const ENODEV = 19;
/** Written again and again where zeroes cannot be asked for. Aligned for O_DIRECT. */
const ZEROES_BYTES = 64 * 1024;

export class RawDisk {
  readonly #fd: OwnedFd;
  /** Never written to, so no memory stands behind it but the kernel's page of zeroes. */
  readonly #zeroes = allocateNative(ZEROES_BYTES + 1, 4096);

  /** @param fd open for what will be asked; moved. */
  constructor(fd: OwnedFd) {
    this.#fd = fd;
  }

  /** Fills the buffers from the disk. */
  read(iovecs: IovecList, offset: number): number {
    return this.#transfer(iovecs, offset, preadAddress, preadvAddress);
  }

  /** Writes the buffers to the disk. */
  write(iovecs: IovecList, offset: number): number {
    return this.#transfer(iovecs, offset, pwriteAddress, pwritevAddress);
  }

  /** Calls again for what a call has left over, until nothing is. */
  #transfer(
    iovecs: IovecList,
    offset: number,
    single: NumericFunction,
    vector: NumericFunction,
  ): number {
    const fd = this.#fd.raw;
    let at = offset;
    while (iovecs.sizeBytes > 0) {
      const count =
        iovecs.count === 1
          ? single(fd, iovecs.firstAddress, iovecs.firstBytes, at)
          : vector(fd, iovecs.address, Math.min(iovecs.count, IOV_MAX), at);
      if (count > 0) {
        at += count;
        iovecs.advance(count);
      } else if (count === 0) {
        // Somebody has cut the file since it was measured.
        return EIO;
      } else if (lastErrno() !== EINTR) {
        return lastErrno();
      }
    }
    return 0;
  }

  /** Makes everything written so far durable. */
  flush(): number {
    return retry(() => fdatasync(this.#fd.raw));
  }

  /** Gives a range back to the host. A hint: where that is not possible nothing happens. */
  discard(offset: number, sizeBytes: number): number {
    const errno = this.#allocate(FALLOC_FL_PUNCH_HOLE, offset, sizeBytes);
    return isUnsupported(errno) ? 0 : errno;
  }

  /** Makes a range read as zeroes; it may become a hole where `unmap` is set. */
  writeZeroes(offset: number, sizeBytes: number, unmap: boolean): number {
    const mode = unmap ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE;
    const errno = this.#allocate(mode, offset, sizeBytes);
    return isUnsupported(errno) ? this.#writeOutZeroes(offset, sizeBytes) : errno;
  }

  #allocate(mode: number, offset: number, sizeBytes: number): number {
    if (sizeBytes === 0) {
      return 0;
    }
    return retry(() => fallocate(this.#fd.raw, mode | FALLOC_FL_KEEP_SIZE, offset, sizeBytes));
  }

  #writeOutZeroes(offset: number, sizeBytes: number): number {
    let done = 0;
    while (done < sizeBytes) {
      const part = Math.min(ZEROES_BYTES, sizeBytes - done);
      const count = pwriteAddress(this.#fd.raw, this.#zeroes.address, part, offset + done);
      if (count > 0) {
        done += count;
      } else if (count === 0) {
        return EIO;
      } else if (lastErrno() !== EINTR) {
        return lastErrno();
      }
    }
    return 0;
  }
}

/** Runs a system call until it is not interrupted. Returns 0 or its errno. Not for the hot path: it takes a closure. */
function retry(call: () => number): number {
  for (;;) {
    if (call() >= 0) {
      return 0;
    }
    const errno = lastErrno();
    if (errno !== EINTR) {
      return errno;
    }
  }
}

function isUnsupported(errno: number): boolean {
  return errno === EOPNOTSUPP || errno === ENOSYS || errno === ENODEV;
}
