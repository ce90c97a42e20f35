/**
 * One descriptor chain, read once out of guest memory and checked (virtio 1.3 §2.7.5).
 *
 * The records are allocated once for the longest chain that the queue allows, so that walking a chain allocates
 * nothing. A descriptor is copied before it is checked; what the driver writes to the table afterwards has no effect.
 */
import type { GuestMemory } from '../memory/guest-memory.ts';
import {
  VIRTQ_DESC_BYTES,
  VIRTQ_DESC_F_INDIRECT,
  VIRTQ_DESC_F_NEXT,
  VIRTQ_DESC_F_WRITE,
} from './constants.ts';

/** Why a chain was refused; `undefined` stands for a good one. */
export type ChainFault =
  | 'chain has a loop or is longer than the queue'
  | 'descriptor index is out of range'
  | 'buffer is outside of RAM'
  | 'buffer has no bytes'
  | 'readable buffer follows a writable one'
  | 'chain has 4 GiB or more'
  | 'indirect table was not negotiated'
  | 'indirect table is nested'
  | 'indirect table has a next descriptor'
  | 'indirect table has an odd length'
  | 'indirect table is outside of RAM';

/** Entries of an indirect table that a 16-bit index can reach. */
const INDIRECT_ENTRIES_MAX = 65536;
/** The length of a chain is reported in 32 bits (virtio 1.3 §2.7.8). */
const CHAIN_BYTES_LIMIT = 0x1_0000_0000;
const TWO_32 = 0x1_0000_0000;

export class DescriptorChain {
  /** Index of the first descriptor: what goes back into the used ring. */
  head = 0;
  /** Buffers in the chain. Those below {@link readableCount} are device-readable, the others device-writable. */
  count = 0;
  readableCount = 0;
  readableBytes = 0;
  writableBytes = 0;

  /** Per buffer: guest-physical address, host address and length. Every buffer lies wholly inside RAM. */
  readonly guestAddresses: Float64Array;
  readonly hostAddresses: Float64Array;
  readonly lengths: Uint32Array;
  readonly memory: GuestMemory;

  readonly #capacity: number;

  /** @param capacity longest chain in descriptors: the queue size (virtio 1.3 §2.7.5.3.1). */
  constructor(memory: GuestMemory, capacity: number) {
    this.memory = memory;
    this.#capacity = capacity;
    this.guestAddresses = new Float64Array(capacity);
    this.hostAddresses = new Float64Array(capacity);
    this.lengths = new Uint32Array(capacity);
  }

  /**
   * Reads and checks the chain that starts at `head`.
   *
   * @param table the descriptor table, four words a descriptor.
   * @param head below the capacity.
   * @returns why it is malformed; the chain must not be used then.
   */
  load(table: Uint32Array, head: number, allowIndirect: boolean): ChainFault | undefined {
    this.#start(head);
    let index = head;
    // Bounded by the queue size: a longer walk has met some descriptor twice.
    for (let steps = 0; steps < this.#capacity; steps++) {
      const at = index * 4;
      const low = table[at] ?? 0;
      const high = table[at + 1] ?? 0;
      const length = table[at + 2] ?? 0;
      const flagsAndNext = table[at + 3] ?? 0;
      if ((flagsAndNext & VIRTQ_DESC_F_INDIRECT) !== 0) {
        if (!allowIndirect) {
          return 'indirect table was not negotiated';
        }
        if ((flagsAndNext & VIRTQ_DESC_F_NEXT) !== 0) {
          return 'indirect table has a next descriptor';
        }
        return this.#loadIndirect(high * TWO_32 + low, length);
      }
      const fault = this.#append(high * TWO_32 + low, length, flagsAndNext);
      if (fault !== undefined || (flagsAndNext & VIRTQ_DESC_F_NEXT) === 0) {
        return fault;
      }
      index = flagsAndNext >>> 16;
      if (index >= this.#capacity) {
        return 'descriptor index is out of range';
      }
    }
    return 'chain has a loop or is longer than the queue';
  }

  #start(head: number): void {
    this.head = head;
    this.count = 0;
    this.readableCount = 0;
    this.readableBytes = 0;
    this.writableBytes = 0;
  }

  #loadIndirect(tableAddress: number, tableBytes: number): ChainFault | undefined {
    if (tableBytes === 0 || tableBytes % VIRTQ_DESC_BYTES !== 0) {
      return 'indirect table has an odd length';
    }
    if (this.memory.hostAddress(tableAddress, tableBytes) < 0) {
      return 'indirect table is outside of RAM';
    }
    const entries = Math.min(tableBytes / VIRTQ_DESC_BYTES, INDIRECT_ENTRIES_MAX);
    const chunk = this.memory.chunkAt(tableAddress, entries * VIRTQ_DESC_BYTES);
    if (chunk === undefined) {
      return 'indirect table is outside of RAM';
    }
    return this.#walkIndirect(chunk.view, tableAddress - chunk.start, entries);
  }

  /** Walks an indirect table at any alignment; its first descriptor is entry 0 (virtio 1.3 §2.7.5.3). */
  #walkIndirect(view: DataView, tableOffset: number, entries: number): ChainFault | undefined {
    let index = 0;
    for (let steps = 0; steps < this.#capacity; steps++) {
      const at = tableOffset + index * VIRTQ_DESC_BYTES;
      const low = view.getUint32(at, true);
      const high = view.getUint32(at + 4, true);
      const length = view.getUint32(at + 8, true);
      const flagsAndNext = view.getUint32(at + 12, true);
      if ((flagsAndNext & VIRTQ_DESC_F_INDIRECT) !== 0) {
        return 'indirect table is nested';
      }
      const fault = this.#append(high * TWO_32 + low, length, flagsAndNext);
      if (fault !== undefined || (flagsAndNext & VIRTQ_DESC_F_NEXT) === 0) {
        return fault;
      }
      index = flagsAndNext >>> 16;
      if (index >= entries) {
        return 'descriptor index is out of range';
      }
    }
    return 'chain has a loop or is longer than the queue';
  }

  /**
   * Adds one buffer. An address above 2^53 has lost its low bits by now; it is outside of RAM all the same.
   */
  #append(guestAddress: number, length: number, flags: number): ChainFault | undefined {
    const { count } = this;
    if (count >= this.#capacity) {
      return 'chain has a loop or is longer than the queue';
    }
    if (length === 0) {
      return 'buffer has no bytes';
    }
    const hostAddress = this.memory.hostAddress(guestAddress, length);
    if (hostAddress < 0) {
      return 'buffer is outside of RAM';
    }
    this.guestAddresses[count] = guestAddress;
    this.hostAddresses[count] = hostAddress;
    this.lengths[count] = length;
    this.count = count + 1;
    if ((flags & VIRTQ_DESC_F_WRITE) !== 0) {
      this.writableBytes += length;
    } else if (this.readableCount === count) {
      this.readableCount = count + 1;
      this.readableBytes += length;
    } else {
      return 'readable buffer follows a writable one';
    }
    return this.readableBytes + this.writableBytes >= CHAIN_BYTES_LIMIT
      ? 'chain has 4 GiB or more'
      : undefined;
  }
}
