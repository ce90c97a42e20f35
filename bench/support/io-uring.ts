/**
 * Just enough of io_uring(7) to measure it from TypeScript: mapped rings, batched submission, and registered file and
 * buffer. A prototype: the program does not use it; see bench/io-uring.ts for why.
 */
import { checkResult } from '../../src/sys/errno.ts';
import { bindNumeric, viewMemory } from '../../src/sys/libc.ts';
import { allocateNative, mapShared, type NativeBuffer } from '../../src/sys/mmap.ts';

const syscall = bindNumeric('long syscall(long number, long a, long b, long c, long d, long e)');
const SYS_IO_URING_SETUP = 425;
const SYS_IO_URING_ENTER = 426;
const SYS_IO_URING_REGISTER = 427;
const IORING_REGISTER_BUFFERS = 0;
const IORING_REGISTER_FILES = 2;
const IORING_ENTER_GETEVENTS = 1;
const IORING_OP_READ_FIXED = 4;
const IORING_OP_READ = 22;
const IOSQE_FIXED_FILE = 1;
const IORING_OFF_SQES = 0x1000_0000;
const PARAMS_BYTES = 120;
/** `sq_off` and `cq_off` in `struct io_uring_params`. */
const SQ_OFF = 40;
const CQ_OFF = 80;
const SQE_BYTES = 64;
const CQE_WORDS = 4;
const TWO_32 = 0x1_0000_0000;

export class IoUring {
  readonly #fd: number;
  readonly #registered: boolean;
  readonly #sqes: DataView;
  readonly #words: Int32Array;
  readonly #sqTail: number;
  readonly #sqMask: number;
  readonly #sqArray: number;
  readonly #cqHead: number;
  readonly #cqTail: number;
  readonly #cqMask: number;
  readonly #cqes: number;
  readonly #file: number;
  #staged = 0;

  /**
   * @param target the memory that is read into; registered, with the file, where `registered` is set.
   * @throws ERR_SYSCALL where this kernel has no io_uring, or does not let us.
   */
  constructor(entries: number, file: number, target: NativeBuffer, registered: boolean) {
    const params = allocateNative(PARAMS_BYTES);
    params.bytes.fill(0);
    this.#fd = checkResult(
      syscall(SYS_IO_URING_SETUP, entries, params.address, 0, 0, 0),
      'io_uring_setup',
    );
    const word = (at: number): number => params.view.getUint32(at, true);
    const sqEntries = word(0);
    const bytes = Math.max(word(SQ_OFF + 24) + 4 * sqEntries, word(CQ_OFF + 20) + 16 * word(4));
    const rings = viewMemory(mapShared(this.#fd, bytes, 0), bytes);
    const sqesAddress = mapShared(this.#fd, sqEntries * SQE_BYTES, IORING_OFF_SQES);
    this.#sqes = new DataView(viewMemory(sqesAddress, sqEntries * SQE_BYTES));
    this.#words = new Int32Array(rings);
    this.#sqTail = word(SQ_OFF + 4) / 4;
    this.#sqMask = this.#words[word(SQ_OFF + 8) / 4] ?? 0;
    this.#sqArray = word(SQ_OFF + 24) / 4;
    this.#cqHead = word(CQ_OFF) / 4;
    this.#cqTail = word(CQ_OFF + 4) / 4;
    this.#cqMask = this.#words[word(CQ_OFF + 8) / 4] ?? 0;
    this.#cqes = word(CQ_OFF + 20) / 4;
    this.#registered = registered;
    this.#file = registered ? 0 : file;
    if (registered) {
      this.#register(file, target);
    }
  }

  #register(file: number, target: NativeBuffer): void {
    const argument = allocateNative(16);
    argument.view.setInt32(0, file, true);
    checkResult(
      syscall(SYS_IO_URING_REGISTER, this.#fd, IORING_REGISTER_FILES, argument.address, 1, 0),
      'io_uring_register(FILES)',
    );
    setAddress(argument.view, 0, target.address);
    setAddress(argument.view, 8, target.bytes.length);
    checkResult(
      syscall(SYS_IO_URING_REGISTER, this.#fd, IORING_REGISTER_BUFFERS, argument.address, 1, 0),
      'io_uring_register(BUFFERS)',
    );
  }

  /** Prepares a read into `address`, which lies in the target. */
  stage(address: number, sizeBytes: number, offset: number): void {
    const tail = this.#words[this.#sqTail] ?? 0;
    const index = tail & this.#sqMask;
    const at = index * SQE_BYTES;
    this.#sqes.setUint8(at, this.#registered ? IORING_OP_READ_FIXED : IORING_OP_READ);
    this.#sqes.setUint8(at + 1, this.#registered ? IOSQE_FIXED_FILE : 0);
    this.#sqes.setInt32(at + 4, this.#file, true);
    setAddress(this.#sqes, at + 8, offset);
    setAddress(this.#sqes, at + 16, address);
    this.#sqes.setUint32(at + 24, sizeBytes, true);
    this.#words[this.#sqArray + index] = index;
    // ORDER: the entry before the tail.
    Atomics.store(this.#words, this.#sqTail, (tail + 1) | 0);
    this.#staged++;
  }

  /** Submits what was staged, waits for at least one completion, and takes all there are. Returns how many. */
  enter(onDone: (result: number) => void): number {
    const staged = this.#staged;
    this.#staged = 0;
    checkResult(
      syscall(SYS_IO_URING_ENTER, this.#fd, staged, 1, IORING_ENTER_GETEVENTS, 0),
      'io_uring_enter',
    );
    const tail = Atomics.load(this.#words, this.#cqTail);
    let head = this.#words[this.#cqHead] ?? 0;
    let count = 0;
    for (; head !== tail; head = (head + 1) | 0, count++) {
      onDone(this.#words[this.#cqes + (head & this.#cqMask) * CQE_WORDS + 2] ?? 0);
    }
    Atomics.store(this.#words, this.#cqHead, head);
    return count;
  }
}

function setAddress(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % TWO_32, true);
  view.setUint32(at + 4, Math.floor(value / TWO_32), true);
}
