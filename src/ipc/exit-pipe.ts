/**
 * The vCPU's end of the pipe pair: one exit frame out, one reply back, both through the same native memory, with no
 * allocation. The machine thread's end is in `vmm/machine/loop.ts`, which watches many of them.
 */
import { assert } from '../base/assert.ts';
import { EINTR } from '../sys/errno.ts';
import { readAddress, writeAddress } from '../sys/io.ts';
import { lastErrno } from '../sys/libc.ts';
import { allocateNative } from '../sys/mmap.ts';
import {
  EXIT_FRAME_BYTES,
  EXIT_REPLY_BYTES,
  type ExitKind,
  FRAME_ADDRESS_HIGH,
  FRAME_ADDRESS_LOW,
  FRAME_KIND,
  FRAME_SIZE,
  FRAME_VALUE_HIGH,
  FRAME_VALUE_LOW,
  FRAME_VCPU,
  REPLY_VALUE_HIGH,
  REPLY_VALUE_LOW,
} from './exit-frame.ts';

/** Asks the machine thread to handle one access. */
export class ExitPipe {
  readonly #requestFd: number;
  readonly #replyFd: number;
  readonly #frame = allocateNative(EXIT_FRAME_BYTES, 64);
  readonly #reply = allocateNative(EXIT_REPLY_BYTES, 64);

  /**
   * @param requestFd write end of the request pipe; borrowed.
   * @param replyFd read end of the reply pipe; borrowed.
   */
  constructor(requestFd: number, replyFd: number, vcpuIndex: number) {
    this.#requestFd = requestFd;
    this.#replyFd = replyFd;
    this.#frame.view.setUint16(FRAME_VCPU, vcpuIndex, true);
  }

  /** Lower and upper half of the value that the last read returned. */
  get valueLow(): number {
    return this.#reply.view.getUint32(REPLY_VALUE_LOW, true);
  }
  get valueHigh(): number {
    return this.#reply.view.getUint32(REPLY_VALUE_HIGH, true);
  }

  /**
   * Sends one access and waits for the reply.
   *
   * @param addressLow lower half of the guest-physical address, or the port.
   * @param valueLow lower half of the value of a write.
   * @returns false when the machine thread is gone.
   */
  exchange(
    kind: ExitKind,
    size: number,
    addressLow: number,
    addressHigh: number,
    valueLow: number,
    valueHigh: number,
  ): boolean {
    const { view } = this.#frame;
    view.setUint8(FRAME_KIND, kind);
    view.setUint8(FRAME_SIZE, size);
    view.setUint32(FRAME_ADDRESS_LOW, addressLow, true);
    view.setUint32(FRAME_ADDRESS_HIGH, addressHigh, true);
    view.setUint32(FRAME_VALUE_LOW, valueLow, true);
    view.setUint32(FRAME_VALUE_HIGH, valueHigh, true);
    if (writeAddress(this.#requestFd, this.#frame.address, EXIT_FRAME_BYTES) !== EXIT_FRAME_BYTES) {
      // A pipe takes 24 bytes whole or, once its reader is gone, not at all; a kick may interrupt before either.
      return lastErrno() === EINTR
        ? this.exchange(kind, size, addressLow, addressHigh, valueLow, valueHigh)
        : false;
    }
    return this.#awaitReply();
  }

  #awaitReply(): boolean {
    for (;;) {
      const count = readAddress(this.#replyFd, this.#reply.address, EXIT_REPLY_BYTES);
      if (count === EXIT_REPLY_BYTES) {
        return true;
      }
      if (count >= 0 || lastErrno() !== EINTR) {
        assert(count <= 0, 'a reply arrived in pieces');
        return false;
      }
    }
  }
}
