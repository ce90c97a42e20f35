/**
 * One address space (port I/O or memory-mapped I/O) as sorted ranges that do not overlap, each with its device.
 *
 * ```ts
 * const bus = new Bus('mmio');
 * bus.insert({ start: 0xd000_0000, sizeBytes: 0x8000 }, device);
 * bus.read(0xd000_0010, 4); // the value is in bus.low
 * ```
 *
 * An access allocates nothing: a guest makes millions of them.
 */
import { assert } from '../base/assert.ts';
import { type AccessSize, allOnes, type BusDevice } from './bus-device.ts';

/** Addresses from `start` up to, not including, `start + sizeBytes`. */
export interface BusRange {
  readonly start: number;
  readonly sizeBytes: number;
}

/** Width of one access as a vCPU makes it, in bytes. */
export type BusAccessSize = AccessSize | 8;

interface Claim {
  readonly start: number;
  readonly end: number;
  readonly device: BusDevice;
}

const ALL_ONES = 0xffff_ffff;

/** The devices of one address space. Used in the machine thread only. */
export class Bus {
  readonly name: string;
  /** Lower 32 bits of what the last {@link read} returned; the whole of it for accesses of up to 4 bytes. */
  low = 0;
  /** Upper 32 bits of what the last 8-byte {@link read} returned, otherwise 0. */
  high = 0;
  /** Reads that no range contained wholly; they read as all ones. */
  unhandledReads = 0;
  /** Writes that no range contained wholly; they were dropped. */
  unhandledWrites = 0;
  /** Sorted by `start`. */
  readonly #claims: Claim[] = [];
  /** The claim of the last hit: accesses come in runs. */
  #recent: Claim | undefined;

  /** @param name for messages, `pio` or `mmio`. */
  constructor(name: string) {
    this.name = name;
  }

  /** Gives a range to a device. The caller makes sure that it {@link isFree}. */
  insert(range: BusRange, device: BusDevice): void {
    assert(range.sizeBytes > 0, `${device.name} claims an empty range of bus ${this.name}`);
    assert(this.isFree(range), `${device.name} claims addresses that are taken: ${range.start}`);
    const claim = { start: range.start, end: range.start + range.sizeBytes, device };
    this.#claims.splice(this.#firstEndingAfter(range.start), 0, claim);
  }

  /** Takes away the range that starts at `start`; false when there is none. */
  remove(start: number): boolean {
    const index = this.#claims.findIndex((claim) => claim.start === start);
    if (index < 0) {
      return false;
    }
    this.#claims.splice(index, 1);
    this.#recent = undefined;
    return true;
  }

  /** True when no device has an address of the range. */
  isFree(range: BusRange): boolean {
    const claim = this.#claims[this.#firstEndingAfter(range.start)];
    return claim === undefined || claim.start >= range.start + range.sizeBytes;
  }

  /** The ranges in address order, for tests and for the operator. */
  ranges(): readonly { readonly start: number; readonly end: number; readonly name: string }[] {
    return this.#claims.map(({ start, end, device }) => ({ start, end, name: device.name }));
  }

  /** Reads into {@link low} and {@link high}. */
  read(address: number, size: BusAccessSize): void {
    const claim = this.#find(address, size);
    if (claim === undefined) {
      this.unhandledReads++;
      this.low = size === 8 ? ALL_ONES : allOnes(size);
      this.high = size === 8 ? ALL_ONES : 0;
      return;
    }
    const offset = address - claim.start;
    if (size === 8) {
      this.low = claim.device.read(offset, 4);
      this.high = claim.device.read(offset + 4, 4);
      return;
    }
    this.low = claim.device.read(offset, size);
    this.high = 0;
  }

  /**
   * Writes.
   *
   * @param low unsigned; the whole value for accesses of up to 4 bytes. Bits above the width of the access are
   *   ignored: KVM leaves what an earlier exit had there (`struct kvm_run`, `mmio.data`).
   * @param high upper 32 bits of an 8-byte access, otherwise without meaning.
   */
  write(address: number, size: BusAccessSize, low: number, high: number): void {
    const claim = this.#find(address, size);
    if (claim === undefined) {
      this.unhandledWrites++;
      return;
    }
    const offset = address - claim.start;
    if (size !== 8) {
      claim.device.write(offset, size, size === 4 ? low : low & allOnes(size));
      return;
    }
    claim.device.write(offset, 4, low);
    // The first half may have moved the range (a BAR reached through itself): the rest then has no receiver.
    if (this.#find(address, size) === claim) {
      claim.device.write(offset + 4, 4, high);
    }
  }

  /** The claim that contains all of an access. */
  #find(address: number, sizeBytes: number): Claim | undefined {
    const recent = this.#recent;
    if (recent !== undefined && address >= recent.start && address + sizeBytes <= recent.end) {
      return recent;
    }
    const claim = this.#claims[this.#firstEndingAfter(address)];
    if (claim === undefined || address < claim.start || address + sizeBytes > claim.end) {
      return undefined;
    }
    this.#recent = claim;
    return claim;
  }

  /** Index of the first claim that ends after an address; the number of claims when there is none. */
  #firstEndingAfter(address: number): number {
    let low = 0;
    let high = this.#claims.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const claim = this.#claims[middle];
      if (claim !== undefined && claim.end <= address) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
}
