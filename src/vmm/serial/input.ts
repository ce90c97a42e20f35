/** Bytes from the host for a port: read when they come and the port has room, never ahead of it. */
import { HostError } from '../../base/errors.ts';
import { EPOLLIN, type Epoll } from '../../sys/epoll.ts';
import { EAGAIN, EINTR, EPERM } from '../../sys/errno.ts';
import { readAddress } from '../../sys/io.ts';
import { lastErrno } from '../../sys/libc.ts';
import { allocateNative } from '../../sys/mmap.ts';
import type { Flushable } from '../machine/loop.ts';

const CHUNK_BYTES = 256;

/** The part of a serial port that takes input. */
export interface InputPort {
  /** Room for input, in bytes. */
  readonly inputSpace: number;
  /** Takes input; at most {@link inputSpace} bytes are given. */
  queueInput(bytes: Uint8Array): void;
}

/** Moves bytes from a descriptor to a port; asked after every exit whether a full port has room again. */
export class DescriptorInput implements Flushable {
  readonly #fd: number;
  readonly #epoll: Epoll;
  readonly #port: InputPort;
  readonly #buffer = allocateNative(CHUNK_BYTES);
  #state: 'watching' | 'full' | 'ended' = 'full';
  /** A regular file cannot be watched: it is always ready. */
  #isAlwaysReady = false;

  /** @param fd readable; this object's from now on. */
  constructor(fd: number, epoll: Epoll, port: InputPort) {
    this.#fd = fd;
    this.#epoll = epoll;
    this.#port = port;
    this.flush();
  }

  get needsFlush(): boolean {
    return this.#state === 'full' && this.#port.inputSpace >= CHUNK_BYTES;
  }

  /** Goes on after the port was full. */
  flush(): void {
    if (!this.needsFlush) {
      return;
    }
    if (this.#isAlwaysReady) {
      this.#pump();
      return;
    }
    try {
      this.#epoll.add(this.#fd, EPOLLIN, () => {
        this.#pump();
      });
      this.#state = 'watching';
    } catch (error) {
      if (!(error instanceof HostError) || error.errno !== EPERM) {
        throw error;
      }
      this.#isAlwaysReady = true;
      this.#pump();
    }
  }

  #pump(): void {
    const room = Math.min(this.#port.inputSpace, CHUNK_BYTES);
    if (room === 0) {
      this.#unwatch('full');
      return;
    }
    const count = readAddress(this.#fd, this.#buffer.address, room);
    if (count > 0) {
      this.#port.queueInput(this.#buffer.bytes.subarray(0, count));
      return;
    }
    const errno = count === 0 ? 0 : lastErrno();
    if (errno !== EAGAIN && errno !== EINTR) {
      this.#unwatch('ended');
    }
  }

  #unwatch(state: 'full' | 'ended'): void {
    if (this.#state === 'watching') {
      this.#epoll.remove(this.#fd);
    }
    this.#state = state;
  }
}
