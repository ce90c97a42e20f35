/**
 * The used-buffer notification of one queue (virtio 1.3 §2.9): the ISR bit for a driver on a line interrupt, then the
 * call eventfd, which KVM turns into an MSI-X message or a level without waking the parent.
 *
 * Whether the driver wants one is the queue's to decide; configuration changes are the parent's to signal.
 */
import { SHARED_ISR_WORD } from '../ipc/device-protocol.ts';
import { signalEventFd } from '../sys/eventfd.ts';
import { VIRTIO_ISR_QUEUE } from './constants.ts';

export class Interrupt {
  readonly #isr: Uint32Array;
  readonly #callFd: number;
  #count = 0;

  /**
   * @param isr the page that this process shares with the parent, as 32-bit words.
   * @param callFd eventfd; borrowed, and open for as long as the queue is active.
   */
  constructor(isr: Uint32Array, callFd: number) {
    this.#isr = isr;
    this.#callFd = callFd;
  }

  /** How often the driver was notified. */
  get count(): number {
    return this.#count;
  }

  /** Notifies the driver. */
  signal(): void {
    // ORDER: the bit is there before the interrupt, or a driver on a line interrupt would find none set.
    Atomics.or(this.#isr, SHARED_ISR_WORD, VIRTIO_ISR_QUEUE);
    this.#count++;
    signalEventFd(this.#callFd);
  }
}
