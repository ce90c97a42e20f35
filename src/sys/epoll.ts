/** epoll(7) as one blocking call, without libuv. */
import { checkResult, EINTR, syscallError } from './errno.ts';
import { OwnedFd } from './fd.ts';
import { bindNumeric, lastErrno } from './libc.ts';
import { allocateNative, type NativeBuffer } from './mmap.ts';

const epollCreate = bindNumeric('int epoll_create1(int flags)');
const epollCtl = bindNumeric('int epoll_ctl(int epfd, int op, int fd, uintptr_t event)');
const epollWait = bindNumeric('int epoll_wait(int epfd, uintptr_t events, int count, int timeout)');

const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;
/** `struct epoll_event` is packed on x86-64: events at 0, data at 4. */
const EVENT_BYTES = 12;
const BATCH = 64;

export const EPOLLIN = 1;
export const EPOLLOUT = 4;
export const EPOLLERR = 8;
export const EPOLLHUP = 16;
export const EPOLLRDHUP = 0x2000;

/** Called with the events that are ready. */
export type ReadyHandler = (events: number) => void;

/** A set of descriptors, each with its handler. Descriptors are borrowed: remove one before closing it. */
export class Epoll implements Disposable {
  readonly #fd: OwnedFd;
  readonly #events: NativeBuffer = allocateNative(BATCH * EVENT_BYTES);
  readonly #change: NativeBuffer = allocateNative(EVENT_BYTES);
  /** By descriptor number, which is small and dense. */
  readonly #handlers: (ReadyHandler | undefined)[] = [];

  constructor() {
    this.#fd = new OwnedFd(checkResult(epollCreate(EPOLL_CLOEXEC), 'epoll_create1'));
  }

  /**
   * Watches a descriptor.
   *
   * @throws ERR_SYSCALL with EPERM for a regular file, which is always ready.
   */
  add(fd: number, events: number, handler: ReadyHandler): void {
    this.#control(EPOLL_CTL_ADD, fd, events);
    this.#handlers[fd] = handler;
  }

  /** Changes the events of a watched descriptor. */
  modify(fd: number, events: number): void {
    this.#control(EPOLL_CTL_MOD, fd, events);
  }

  remove(fd: number): void {
    if (this.#handlers[fd] !== undefined) {
      this.#handlers[fd] = undefined;
      this.#control(EPOLL_CTL_DEL, fd, 0);
    }
  }

  /**
   * Waits once and calls the handlers of what is ready.
   *
   * @param timeoutMs -1 for no limit, 0 to poll.
   * @returns how many descriptors were ready.
   */
  wait(timeoutMs: number): number {
    const count = epollWait(this.#fd.raw, this.#events.address, BATCH, timeoutMs);
    if (count < 0) {
      if (lastErrno() === EINTR) {
        return 0;
      }
      throw syscallError('epoll_wait');
    }
    for (let index = 0; index < count; index++) {
      const at = index * EVENT_BYTES;
      const fd = this.#events.view.getUint32(at + 4, true);
      // A handler earlier in this batch may have removed this one.
      this.#handlers[fd]?.(this.#events.view.getUint32(at, true));
    }
    return count;
  }

  /** The epoll descriptor itself, readable when something in the set is. */
  get raw(): number {
    return this.#fd.raw;
  }

  [Symbol.dispose](): void {
    this.#fd.close();
  }

  #control(operation: number, fd: number, events: number): void {
    this.#change.view.setUint32(0, events >>> 0, true);
    this.#change.view.setUint32(4, fd, true);
    const result = epollCtl(this.#fd.raw, operation, fd, this.#change.address);
    checkResult(result, 'epoll_ctl');
  }
}
