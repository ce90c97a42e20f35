/**
 * epoll for a thread that also runs Node's own event loop: the wait happens in a thread of libuv's pool, the handlers
 * run here. The machine thread and the device processes use the blocking {@link Epoll} instead.
 */
import { EPOLLIN, Epoll, type ReadyHandler } from './epoll.ts';
import { createEventFd, drainEventFd, signalEventFd } from './eventfd.ts';
import type { OwnedFd } from './fd.ts';
import { bindNumericAsync } from './libc.ts';
import { allocateNative } from './mmap.ts';

const pollAsync = bindNumericAsync('int poll(uintptr_t fds, unsigned long count, int timeout)');
const POLLIN = 1;

/** Watches descriptors beside Node's event loop; keeps that loop alive until {@link AsyncEpoll.close}. */
export class AsyncEpoll {
  readonly #epoll = new Epoll();
  readonly #wake: OwnedFd = createEventFd();
  readonly #pollFd = allocateNative(8);
  #closing = false;
  #closed: () => void = () => undefined;

  constructor() {
    this.#epoll.add(this.#wake.raw, EPOLLIN, () => drainEventFd(this.#wake.raw));
    this.#pollFd.view.setInt32(0, this.#epoll.raw, true);
    this.#pollFd.view.setInt16(4, POLLIN, true);
    this.#arm();
  }

  /** See {@link Epoll.add}. */
  add(fd: number, events: number, handler: ReadyHandler): void {
    this.#epoll.add(fd, events, handler);
  }

  modify(fd: number, events: number): void {
    this.#epoll.modify(fd, events);
  }

  remove(fd: number): void {
    this.#epoll.remove(fd);
  }

  /** Stops watching. Await it before the process exits: the pool's thread would otherwise hold the exit up. */
  close(): Promise<void> {
    this.#closing = true;
    return new Promise((resolve) => {
      this.#closed = resolve;
      signalEventFd(this.#wake.raw);
    });
  }

  #arm(): void {
    // An epoll descriptor can itself be polled, so the batch is fetched here, in this thread, without a wait.
    pollAsync(this.#pollFd.address, 1, -1, () => {
      if (this.#closing) {
        this.#epoll[Symbol.dispose]();
        this.#wake.close();
        this.#closed();
        return;
      }
      // Armed again whatever a handler throws: its error is the process's to report, not to lose the loop over.
      try {
        this.#epoll.wait(0);
      } finally {
        this.#arm();
      }
    });
  }
}
