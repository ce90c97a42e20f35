/**
 * Where the bytes of a port go: gathered, written without blocking the machine thread, and refused while the reader
 * does not keep up, so that the port can hold its guest back.
 */

import { EPOLLOUT, type Epoll } from '../../sys/epoll.ts';
import { EAGAIN, EINTR } from '../../sys/errno.ts';
import type { OwnedFd } from '../../sys/fd.ts';
import { writeAddress } from '../../sys/io.ts';
import { lastErrno } from '../../sys/libc.ts';
import { allocateNative, type NativeBuffer } from '../../sys/mmap.ts';
import type { Flushable } from '../machine/loop.ts';

const BUFFER_BYTES = 32 * 1024;
const NEWLINE = 0x0a;

/** Output to a descriptor that does not block: a regular file, or one opened with O_NONBLOCK. */
export class DescriptorOutput implements Flushable {
  readonly #fd: OwnedFd;
  readonly #epoll: Epoll;
  readonly #buffer: NativeBuffer = allocateNative(BUFFER_BYTES);
  /** The bytes that are still to be written lie between these two. */
  #start = 0;
  #end = 0;
  #isStalled = false;
  #isBroken = false;
  /** Called when there is room again after a refusal. */
  onRoom: () => void = () => undefined;
  /** Bytes that went nowhere because the reader is gone. */
  lostBytes = 0;

  /** @param fd moved. */
  constructor(fd: OwnedFd, epoll: Epoll) {
    this.#fd = fd;
    this.#epoll = epoll;
  }

  /** Takes a byte; false when there is no room for it now. */
  write(byte: number): boolean {
    if (this.#isBroken) {
      this.lostBytes++;
      return true;
    }
    if (this.#end === BUFFER_BYTES) {
      this.flush();
      if (this.#end === BUFFER_BYTES) {
        return false;
      }
    }
    this.#buffer.bytes[this.#end++] = byte;
    if (byte === NEWLINE && !this.#isStalled) {
      this.flush();
    }
    return true;
  }

  /** True when bytes wait that the descriptor may take; while it is stalled, its own readiness is waited for. */
  get needsFlush(): boolean {
    return this.#start !== this.#end && !this.#isStalled;
  }

  flush(): void {
    while (this.#start < this.#end) {
      const address = this.#buffer.address + this.#start;
      const count = writeAddress(this.#fd.raw, address, this.#end - this.#start);
      if (count > 0) {
        this.#start += count;
        continue;
      }
      const errno = count === 0 ? EAGAIN : lastErrno();
      if (errno === EAGAIN) {
        this.#stall();
        return;
      }
      if (errno !== EINTR) {
        this.#break();
        return;
      }
    }
    this.#start = 0;
    this.#end = 0;
    if (this.#isStalled) {
      this.#resume();
    }
  }

  #stall(): void {
    this.#buffer.bytes.copyWithin(0, this.#start, this.#end);
    this.#end -= this.#start;
    this.#start = 0;
    if (!this.#isStalled) {
      this.#isStalled = true;
      this.#epoll.add(this.#fd.raw, EPOLLOUT, () => {
        this.flush();
      });
    }
  }

  #resume(): void {
    this.#isStalled = false;
    this.#epoll.remove(this.#fd.raw);
    this.onRoom();
  }

  /** The reader is gone for good (EPIPE, EIO): the guest goes on without it. */
  #break(): void {
    this.lostBytes += this.#end - this.#start;
    this.#isBroken = true;
    this.#start = 0;
    this.#end = 0;
    if (this.#isStalled) {
      this.#resume();
    }
  }
}

/** Output that nobody wants. */
export const discardOutput = {
  write: (): boolean => true,
};
