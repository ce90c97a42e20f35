/**
 * Linux AIO (io_setup(2)): reads and writes that are under way while the caller goes on. With O_DIRECT, on a file
 * system that works asynchronously, the storage gets many of them at a time; anywhere else io_submit(2) carries them out
 * before it returns, which is one system call for many requests.
 *
 * Completions lie in a ring that the kernel maps into this process, as `struct aio_ring` of fs/aio.c, stable since 2.5:
 *
 * | offset | width | field                                                             |
 * | ------ | ----- | ----------------------------------------------------------------- |
 * | 4      | 4     | nr: events in the ring                                            |
 * | 8      | 4     | head: the next event to take, written by this process             |
 * | 12     | 4     | tail: the next event to come, written by the kernel               |
 * | 16     | 4     | magic                                                             |
 * | 28     | 4     | bytes before the first event                                      |
 * | 32     | 32·nr | events: data (8), iocb (8), result or -errno (8), unused (8)      |
 */
import { EINTR } from '../../src/sys/errno.ts';
import { bindNumeric, lastErrno, viewMemory } from '../../src/sys/libc.ts';
import { allocateNative, type NativeBuffer } from '../../src/sys/mmap.ts';

const setup = bindNumeric('long syscall(long number, long capacity, uintptr_t context)');
const submitAll = bindNumeric(
  'long syscall(long number, uintptr_t context, long count, uintptr_t iocbs)',
);
const getEvents = bindNumeric(
  'long syscall(long number, uintptr_t context, long atLeast, long count, uintptr_t events, uintptr_t timeout)',
);
const destroy = bindNumeric('long syscall(long number, uintptr_t context)');

const SYS_IO_SETUP = 206;
const SYS_IO_DESTROY = 207;
const SYS_IO_GETEVENTS = 208;
const SYS_IO_SUBMIT = 209;

const IOCB_BYTES = 64;
const POINTER_BYTES = 8;
const IOCB_FLAG_RESFD = 1;
/** Words of the ring's header. */
const NR = 1;
const HEAD = 2;
const TAIL = 3;
const MAGIC = 4;
const HEADER_LENGTH = 7;
const HEADER_BYTES = 32;
const RING_MAGIC = 0xa10a10a1;
/** An event in 32-bit words; the result is at its fifth and sixth. */
const EVENT_WORDS = 8;
const RESULT_WORD = 4;
const EVENT_BYTES = 4 * EVENT_WORDS;
const TWO_32 = 0x1_0000_0000;

/** What a request does; the values are the kernel's. */
export const AioOperation = { read: 0, write: 1, readVector: 7, writeVector: 8 } as const;
export type AioOperation = (typeof AioOperation)[keyof typeof AioOperation];

/** One request. Fields are set anew for each: one object serves them all. */
export interface AioRequest {
  readonly operation: AioOperation;
  readonly fd: number;
  /** Of the buffer, or of the list of buffers, which may be used again after {@link AioContext.submit}. */
  readonly address: number;
  /** Bytes, or buffers of the list. */
  readonly count: number;
  /** In the file, in bytes. */
  readonly offset: number;
}

export class AioContext implements Disposable {
  /** Requests that may be under way. */
  readonly capacity: number;

  readonly #context: number;
  /** One request for each tag, and behind them the list of those to submit. */
  readonly #iocbs: NativeBuffer;
  readonly #list: NativeBuffer;
  readonly #event = allocateNative(EVENT_BYTES);
  readonly #ring: Int32Array;
  readonly #events: Int32Array;
  readonly #eventCount: number;
  #staged = 0;
  #pending = 0;

  private constructor(capacity: number, context: number, eventFd: number) {
    this.capacity = capacity;
    this.#context = context;
    this.#iocbs = allocateNative(capacity * IOCB_BYTES);
    this.#list = allocateNative(capacity * POINTER_BYTES);
    this.#ring = new Int32Array(viewMemory(context, HEADER_BYTES));
    this.#eventCount = this.#ring[NR] ?? 0;
    this.#events = new Int32Array(
      viewMemory(context + HEADER_BYTES, this.#eventCount * EVENT_BYTES),
    );
    for (let tag = 0; tag < capacity; tag++) {
      const at = tag * IOCB_BYTES;
      this.#iocbs.view.setUint32(at, tag, true);
      this.#iocbs.view.setUint32(at + 56, IOCB_FLAG_RESFD, true);
      this.#iocbs.view.setUint32(at + 60, eventFd, true);
    }
  }

  /**
   * Makes a context, which needs io_setup(2): not allowed any more once a device is confined.
   *
   * @param capacity requests that may be under way.
   * @param eventFd signalled for each completion; borrowed.
   * @returns undefined where the kernel has none to give, or a ring of another make.
   */
  static create(capacity: number, eventFd: number): AioContext | undefined {
    const out = allocateNative(POINTER_BYTES);
    if (setup(SYS_IO_SETUP, capacity, out.address) < 0) {
      return undefined;
    }
    const context = out.view.getUint32(4, true) * TWO_32 + out.view.getUint32(0, true);
    const aio = new AioContext(capacity, context, eventFd);
    if ((aio.#ring[MAGIC] ?? 0) >>> 0 !== RING_MAGIC || aio.#ring[HEADER_LENGTH] !== HEADER_BYTES) {
      aio[Symbol.dispose]();
      return undefined;
    }
    return aio;
  }

  /** Requests that were submitted and not yet taken. */
  get pending(): number {
    return this.#pending;
  }

  /** Requests that wait for {@link submit}. */
  get staged(): number {
    return this.#staged;
  }

  /**
   * Prepares a request.
   *
   * @param tag below the capacity, not under way.
   */
  stage(tag: number, { operation, fd, address, count, offset }: AioRequest): void {
    const at = tag * IOCB_BYTES;
    const { view } = this.#iocbs;
    view.setUint16(at + 16, operation, true);
    view.setUint32(at + 20, fd, true);
    setAddress(view, at + 24, address);
    view.setUint32(at + 32, count, true);
    setAddress(view, at + 40, offset);
    setAddress(this.#list.view, this.#staged * POINTER_BYTES, this.#iocbs.address + at);
    this.#staged++;
  }

  /**
   * Sends off what was staged.
   *
   * @param onRefused called for each request that the kernel did not even take, with its errno.
   */
  submit(onRefused: (tag: number, errno: number) => void): void {
    const total = this.#staged;
    this.#staged = 0;
    for (let done = 0; done < total; ) {
      const list = this.#list.address + done * POINTER_BYTES;
      const taken = submitAll(SYS_IO_SUBMIT, this.#context, total - done, list);
      if (taken > 0) {
        done += taken;
        this.#pending += taken;
      } else if (taken === 0 || lastErrno() !== EINTR) {
        const errno = lastErrno();
        const iocb = this.#list.view.getUint32(done * POINTER_BYTES, true);
        onRefused((iocb - (this.#iocbs.address % TWO_32)) / IOCB_BYTES, errno);
        done++;
      }
    }
  }

  /** True when {@link take} has something. No system call: cheap enough to poll. */
  hasCompletions(): boolean {
    return Atomics.load(this.#ring, TAIL) !== (this.#ring[HEAD] ?? 0);
  }

  /**
   * Takes what has been completed, one ring's worth at most.
   *
   * @param onDone called with the bytes that were read or written, or -errno.
   * @returns how many there were.
   */
  take(onDone: (tag: number, result: number) => void): number {
    // ORDER: the tail before the events; the kernel writes them the other way round.
    const tail = Atomics.load(this.#ring, TAIL);
    let head = this.#ring[HEAD] ?? 0;
    let count = 0;
    while (head !== tail && count < this.#eventCount) {
      const at = head * EVENT_WORDS;
      // Lengths of requests have 31 bits, so the lower half of the result is all of it, sign included.
      onDone(this.#events[at] ?? 0, this.#events[at + RESULT_WORD] ?? 0);
      head = head + 1 < this.#eventCount ? head + 1 : 0;
      count++;
    }
    this.#pending -= count;
    // ORDER: the events have been read before the kernel may write over them.
    Atomics.store(this.#ring, HEAD, head);
    return count;
  }

  /** Sleeps until something is completed, and takes one of it. Returns at once when nothing is under way. */
  waitForOne(onDone: (tag: number, result: number) => void): void {
    const event = this.#event;
    while (this.#pending > 0) {
      // Fails for a signal only: the ring is ours, and so is the memory.
      if (getEvents(SYS_IO_GETEVENTS, this.#context, 1, 1, event.address, 0) === 1) {
        this.#pending--;
        onDone(event.view.getInt32(0, true), event.view.getInt32(4 * RESULT_WORD, true));
        return;
      }
    }
  }

  /** Waits for everything that is under way, and takes it. */
  drain(onDone: (tag: number, result: number) => void): void {
    this.take(onDone);
    while (this.#pending > 0) {
      this.waitForOne(onDone);
    }
  }

  /** Gives the context up; waits for what is under way. */
  [Symbol.dispose](): void {
    destroy(SYS_IO_DESTROY, this.#context);
  }
}

/** Writes a number up to 2^53 as 64 bits. */
function setAddress(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % TWO_32, true);
  view.setUint32(at + 4, Math.floor(value / TWO_32), true);
}
