/**
 * The device's side of a split virtqueue (virtio 1.3 §2.7).
 *
 * ```
 *   descriptor table   driver writes   what buffers there are
 *   avail ring         driver writes   heads of chains that it offers, and `used_event`
 *   used ring          device writes   heads that come back, and `avail_event`
 * ```
 *
 * A device takes chains with {@link SplitQueue.pop}, gives each head back with {@link SplitQueue.addUsed} and shows a
 * batch of them to the driver with {@link SplitQueue.publish}. All three rings lie in guest memory: nothing in them is
 * believed, nothing is read twice, and no call allocates, throws or runs longer than the queue is long.
 */
import type { QueueSetup } from '../ipc/device-protocol.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import {
  hasFeature,
  VIRTIO_F_EVENT_IDX,
  VIRTIO_F_INDIRECT_DESC,
  VIRTQ_AVAIL_F_NO_INTERRUPT,
  VIRTQ_USED_F_NO_NOTIFY,
} from './constants.ts';
import { type ChainFault, DescriptorChain } from './descriptor-chain.ts';
import type { Interrupt } from './interrupt.ts';
import { mapQueueRings, type QueueRings } from './queue-rings.ts';

/** `flags`, `idx` and the first entry of either ring, in 16-bit words. */
const FLAGS = 0;
const IDX = 1;
const AVAIL_ENTRIES = 2;
/** First element of the used ring, in 32-bit words; an element is `id` and `len`. */
const USED_ELEMENTS = 1;

/** Why a queue as a whole can no longer be trusted. */
export type QueueFault =
  | 'avail idx is ahead by more than the queue size'
  | 'head is out of range'
  | 'malformed chains arrive faster than they can be refused';

/** What an activated queue needs. */
export interface SplitQueueOptions {
  readonly memory: GuestMemory;
  /** Where the driver put the rings. */
  readonly setup: QueueSetup;
  /** Negotiated features. */
  readonly features: bigint;
  readonly interrupt: Interrupt;
  /** Called once, when the ring itself turns out to be insane; the queue yields nothing from then on. */
  readonly onBroken?: (fault: QueueFault) => void;
}

export class SplitQueue {
  /** Size in descriptors, a power of two. */
  readonly size: number;
  readonly memory: GuestMemory;

  readonly #rings: QueueRings;
  readonly #interrupt: Interrupt;
  readonly #onBroken: (fault: QueueFault) => void;
  readonly #eventIdx: boolean;
  readonly #indirect: boolean;
  readonly #mask: number;
  readonly #usedEventAt: number;
  readonly #availEventAt: number;
  readonly #chain: DescriptorChain;

  /** Free-running 16-bit counters: the next entry to take, the driver's idx as last seen, the next to give back. */
  #nextAvail = 0;
  #seenAvail = 0;
  #nextUsed = 0;
  #shownUsed = 0;
  #publishedUsed = 0;
  #returnedByPop = 0;
  #armsWhenEmpty = true;
  #fault: QueueFault | undefined;
  #malformedCount = 0;
  #lastChainFault: ChainFault | undefined;

  private constructor(options: SplitQueueOptions, rings: QueueRings) {
    const { size } = options.setup;
    this.size = size;
    this.memory = options.memory;
    this.#rings = rings;
    this.#interrupt = options.interrupt;
    this.#onBroken = options.onBroken ?? (() => undefined);
    this.#eventIdx = hasFeature(options.features, VIRTIO_F_EVENT_IDX);
    this.#indirect = hasFeature(options.features, VIRTIO_F_INDIRECT_DESC);
    this.#mask = size - 1;
    this.#usedEventAt = AVAIL_ENTRIES + size;
    this.#availEventAt = 2 * (USED_ELEMENTS + 2 * size);
    this.#chain = this.createChain();
  }

  /**
   * Checks where the driver put a queue and makes it ready.
   *
   * @returns the queue, or why there can be none, in words for the operator.
   */
  static activate(options: SplitQueueOptions): SplitQueue | string {
    const eventIdx = hasFeature(options.features, VIRTIO_F_EVENT_IDX);
    const rings = mapQueueRings(options.memory, options.setup, eventIdx);
    return typeof rings === 'string' ? rings : new SplitQueue(options, rings);
  }

  /** Chains that were malformed and went back unused, and what was wrong with the last one. */
  get malformedCount(): number {
    return this.#malformedCount;
  }
  get lastChainFault(): ChainFault | undefined {
    return this.#lastChainFault;
  }

  /** Why the queue is broken; undefined while it is sound. */
  get fault(): QueueFault | undefined {
    return this.#fault;
  }

  /** Records for one more chain, for a device that keeps several chains at a time. */
  createChain(): DescriptorChain {
    return new DescriptorChain(this.memory, this.size);
  }

  /**
   * Takes the next chain. Malformed ones are counted and given back on the way.
   *
   * A device that has got `undefined` will be kicked for the next chain; one that stops earlier looks again by itself.
   *
   * @param chain where to put it. By default the queue's own records, which the next call overwrites.
   * @returns undefined when the ring is empty or broken.
   */
  pop(chain: DescriptorChain = this.#chain): DescriptorChain | undefined {
    // Bounded: a driver that offers bad chains as fast as they are refused does not keep the device here.
    for (let tries = 0; tries <= this.size; tries++) {
      if (this.#nextAvail === this.#seenAvail && !this.#refill()) {
        return undefined;
      }
      const head = this.#rings.avail[AVAIL_ENTRIES + (this.#nextAvail & this.#mask)] ?? 0;
      if (head >= this.size) {
        this.#break('head is out of range');
        return undefined;
      }
      this.#nextAvail = (this.#nextAvail + 1) & 0xffff;
      const fault = chain.load(this.#rings.descriptors, head, this.#indirect);
      if (fault === undefined) {
        return chain;
      }
      this.#refuse(head, fault);
    }
    this.#break('malformed chains arrive faster than they can be refused');
    return undefined;
  }

  /** True when the driver has offered something that was not taken yet. Cheap enough to poll. */
  hasAvailable(): boolean {
    return this.#nextAvail !== Atomics.load(this.#rings.avail, IDX) && this.#fault === undefined;
  }

  /** How much the driver has offered that was not taken yet; whatever a hostile one says, at most a ring index. */
  availableCount(): number {
    return this.#fault === undefined
      ? (Atomics.load(this.#rings.avail, IDX) - this.#nextAvail) & 0xffff
      : 0;
  }

  /**
   * Gives a head back. The driver sees it after {@link publish}.
   *
   * @param head of a chain that {@link pop} returned, once.
   * @param writtenBytes how much of its writable part was filled, from the start of that part.
   */
  addUsed(head: number, writtenBytes: number): void {
    const at = USED_ELEMENTS + 2 * (this.#nextUsed & this.#mask);
    this.#rings.used[at] = head;
    this.#rings.used[at + 1] = writtenBytes;
    this.#nextUsed = (this.#nextUsed + 1) & 0xffff;
  }

  /**
   * Shows the driver what was given back, without a notification: one that polls need not wait for the whole batch.
   * {@link publish} must follow.
   */
  show(): void {
    if (this.#nextUsed !== this.#shownUsed) {
      this.#shownUsed = this.#nextUsed;
      // ORDER: elements before idx, and idx before the look at the event word: a sequentially consistent store does
      // both. Without the second the driver could raise `used_event` unseen and sleep for ever.
      Atomics.store(this.#rings.usedWords, IDX, this.#nextUsed);
    }
  }

  /** Shows the driver what was given back, and notifies it if it wants to know of anything since the last call. */
  publish(): void {
    this.show();
    const previous = this.#publishedUsed;
    const next = this.#nextUsed;
    if (next === previous) {
      return;
    }
    this.#publishedUsed = next;
    this.#returnedByPop = 0;
    if (this.#wantsInterrupt(previous, next)) {
      this.#interrupt.signal();
    }
  }

  /**
   * Tells the driver not to kick, which saves it an exit per request, until {@link armKick}. For a device that polls
   * the ring: {@link pop} asks for no kicks from now on.
   */
  suppressKicks(): void {
    this.#armsWhenEmpty = false;
    if (!this.#eventIdx) {
      Atomics.store(this.#rings.usedWords, FLAGS, VIRTQ_USED_F_NO_NOTIFY);
    }
    // With event indices an index that has been passed says so by itself.
  }

  /**
   * Asks the driver for a kick at its next chain.
   *
   * @returns false when there is a chain already, so that no kick will come for it.
   */
  armKick(): boolean {
    if (this.#eventIdx) {
      Atomics.store(this.#rings.usedWords, this.#availEventAt, this.#nextAvail);
    } else {
      Atomics.store(this.#rings.usedWords, FLAGS, 0);
    }
    // ORDER: the request is visible before idx is read again; the driver writes and reads the other way round.
    return !this.hasAvailable();
  }

  /** Looks at the driver's idx. True when there are entries to take. */
  #refill(): boolean {
    if (this.#fault !== undefined) {
      return false;
    }
    let seen = Atomics.load(this.#rings.avail, IDX);
    if (seen === this.#nextAvail) {
      this.#publishRefused();
      if (!this.#armsWhenEmpty || this.armKick()) {
        return false;
      }
      seen = Atomics.load(this.#rings.avail, IDX);
    }
    const pending = (seen - this.#nextAvail) & 0xffff;
    if (pending > this.size) {
      this.#break('avail idx is ahead by more than the queue size');
      return false;
    }
    this.#seenAvail = seen;
    return pending !== 0;
  }

  #refuse(head: number, fault: ChainFault): void {
    this.#malformedCount++;
    this.#lastChainFault = fault;
    this.addUsed(head, 0);
    this.#returnedByPop++;
  }

  /** A device that saw nothing but bad chains has nothing to publish; their heads must come back all the same. */
  #publishRefused(): void {
    if (this.#returnedByPop !== 0) {
      this.publish();
    }
  }

  #break(fault: QueueFault): void {
    this.#publishRefused();
    this.#fault = fault;
    this.#onBroken(fault);
  }

  #wantsInterrupt(previous: number, next: number): boolean {
    const { avail } = this.#rings;
    if (!this.#eventIdx) {
      return (Atomics.load(avail, FLAGS) & VIRTQ_AVAIL_F_NO_INTERRUPT) === 0;
    }
    // The driver wants to know once entry `used_event` is there (virtio 1.3 §2.7.7.2); all modulo 2^16.
    const usedEvent = Atomics.load(avail, this.#usedEventAt);
    return ((next - usedEvent - 1) & 0xffff) < ((next - previous) & 0xffff);
  }
}
