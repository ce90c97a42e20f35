/**
 * Base address registers (PCI 3.0 §6.2.5): their bits in configuration space, and what they put on the buses.
 *
 * A guest may write any address at any time. A BAR answers on its bus only while decoding is enabled in the command
 * register, all of it lies inside a window for BARs, and no other BAR has an address of it; otherwise it is simply
 * not mapped. The windows hold neither RAM nor ECAM nor interrupt controllers, so a BAR cannot hide those.
 */
import { assert } from '../base/assert.ts';
import { log } from '../base/log.ts';
import type { Bus, BusRange } from '../bus/bus.ts';
import type { BusDevice } from '../bus/bus-device.ts';
import type { ConfigSpace } from './config-space.ts';
import {
  PCI_BAR_COUNT,
  PCI_BASE_ADDRESS_0,
  PCI_COMMAND,
  PCI_COMMAND_IO,
  PCI_COMMAND_MEMORY,
} from './registers.ts';

export type BarKind = 'io' | 'memory32' | 'memory64';

/** What a function asks for. */
export interface BarSpec {
  readonly kind: BarKind;
  /** A power of two: at least 16 for memory, 4 for I/O, and at most 2 GiB. */
  readonly sizeBytes: number;
  readonly device: BusDevice;
  /** Told the address whenever the BAR appears on its bus, `undefined` when it leaves it. */
  readonly onMapped?: (address: number | undefined) => void;
}

const BAR_IO = 0x1;
const BAR_MEMORY_64 = 0x4;
const FLAG_BITS: Readonly<Record<BarKind, number>> = {
  io: BAR_IO,
  memory32: 0,
  memory64: BAR_MEMORY_64,
};
const FOUR_GIB = 0x1_0000_0000;
/** Addresses that number arithmetic holds exactly; no window lies above. */
const ADDRESS_LIMIT = 2 ** 52;

function smallestSize(kind: BarKind): number {
  return kind === 'io' ? 4 : 16;
}

/** One base address register, or the pair of them that a 64-bit one takes. */
export class Bar {
  readonly index: number;
  readonly spec: BarSpec;
  /** Where the BAR answers now. Only {@link BarMapper} changes it. */
  mappedAt: number | undefined;
  /** The last address that could not be mapped, so that it is counted once. */
  refusedAt: number | undefined;
  readonly #config: ConfigSpace;

  constructor(config: ConfigSpace, index: number, spec: BarSpec) {
    const { kind, sizeBytes } = spec;
    const isPowerOfTwo = Number.isInteger(Math.log2(sizeBytes));
    assert(isPowerOfTwo && sizeBytes >= smallestSize(kind), `BAR size ${sizeBytes}`);
    assert(sizeBytes <= FOUR_GIB / 2, `BAR size ${sizeBytes}`);
    assert(index >= 0 && index + (kind === 'memory64' ? 2 : 1) <= PCI_BAR_COUNT, `BAR ${index}`);
    this.index = index;
    this.spec = spec;
    this.#config = config;
    config.set(this.#register, 4, FLAG_BITS[kind]);
    config.setWritable(this.#register, 4, FOUR_GIB - sizeBytes);
    if (kind === 'memory64') {
      config.setWritable(this.#register + 4, 4, 0xffff_ffff);
    }
  }

  /** The address in the registers, whether or not it is mapped. */
  get address(): number {
    const low = this.#config.get(this.#register, 4);
    const base = low - (low % this.spec.sizeBytes);
    return this.spec.kind === 'memory64'
      ? this.#config.get(this.#register + 4, 4) * FOUR_GIB + base
      : base;
  }

  /** Assigns an address, as firmware would. */
  assign(address: number): void {
    const low = address % FOUR_GIB;
    this.#config.set(this.#register, 4, low + FLAG_BITS[this.spec.kind]);
    if (this.spec.kind === 'memory64') {
      this.#config.set(this.#register + 4, 4, Math.floor(address / FOUR_GIB));
    }
  }

  /** True while the command register has the BAR's kind of decoding on. */
  get isDecoded(): boolean {
    const bit = this.spec.kind === 'io' ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY;
    return (this.#config.get(PCI_COMMAND, 2) & bit) !== 0;
  }

  /** True when software has written all ones, to read the size back. */
  get isBeingSized(): boolean {
    const low = this.#config.get(this.#register, 4);
    return low >= FOUR_GIB - this.spec.sizeBytes;
  }

  get #register(): number {
    return PCI_BASE_ADDRESS_0 + 4 * this.index;
  }
}

/** Where BARs may lie. The windows are disjoint from RAM and from every platform device. */
export interface BarWindows {
  /** Below 4 GiB; for 32-bit and 64-bit BARs. */
  readonly lowMemory: BusRange;
  /** Above RAM; for 64-bit BARs. */
  readonly highMemory: BusRange;
  readonly io: BusRange;
}

/** Puts the BARs of all functions on the buses and keeps them apart. */
export class BarMapper {
  readonly #memoryBus: Bus;
  readonly #ioBus: Bus;
  readonly #windows: BarWindows;
  readonly #bars: Bar[] = [];
  /** Times a guest gave a BAR an address that it cannot have. */
  refusedMappings = 0;

  constructor(memoryBus: Bus, ioBus: Bus, windows: BarWindows) {
    this.#memoryBus = memoryBus;
    this.#ioBus = ioBus;
    this.#windows = windows;
  }

  add(bar: Bar): void {
    this.#bars.push(bar);
    this.update(bar);
  }

  /** Follows a change of a BAR's address or of its decoding. */
  update(bar: Bar): void {
    const wanted = bar.isDecoded ? bar.address : undefined;
    if (wanted !== undefined && wanted === bar.mappedAt) {
      return;
    }
    const hasLeft = this.#unmap(bar);
    if (wanted === undefined || this.#tryMap(bar, wanted)) {
      bar.refusedAt = undefined;
    } else {
      this.#noteRefusal(bar, wanted);
    }
    if (hasLeft) {
      this.#mapWaiting();
    }
  }

  /** The addresses that one BAR has left may be those that another is waiting for. */
  #mapWaiting(): void {
    for (const bar of this.#bars) {
      if (bar.mappedAt === undefined && bar.isDecoded && this.#tryMap(bar, bar.address)) {
        bar.refusedAt = undefined;
      }
    }
  }

  #unmap(bar: Bar): boolean {
    if (bar.mappedAt === undefined) {
      return false;
    }
    this.#busOf(bar).remove(bar.mappedAt);
    bar.mappedAt = undefined;
    bar.spec.onMapped?.(undefined);
    return true;
  }

  #tryMap(bar: Bar, start: number): boolean {
    const range = { start, sizeBytes: bar.spec.sizeBytes };
    const bus = this.#busOf(bar);
    if (!this.#isInWindow(bar.spec.kind, range) || !bus.isFree(range)) {
      return false;
    }
    bus.insert(range, bar.spec.device);
    bar.mappedAt = start;
    bar.spec.onMapped?.(start);
    return true;
  }

  #isInWindow(kind: BarKind, range: BusRange): boolean {
    if (range.start >= ADDRESS_LIMIT) {
      return false;
    }
    const { lowMemory, highMemory, io } = this.#windows;
    switch (kind) {
      case 'io':
        return contains(io, range);
      case 'memory32':
        return contains(lowMemory, range);
      case 'memory64':
        return contains(lowMemory, range) || contains(highMemory, range);
    }
  }

  #noteRefusal(bar: Bar, address: number): void {
    if (bar.isBeingSized || bar.refusedAt === address) {
      return;
    }
    bar.refusedAt = address;
    this.refusedMappings++;
    if (this.refusedMappings === 1) {
      const where = `0x${address.toString(16)}`;
      log(
        'warn',
        'pci',
        `BAR ${bar.index} of ${bar.spec.device.name} cannot be at ${where}; it is not mapped (said once)`,
      );
    }
  }

  #busOf(bar: Bar): Bus {
    return bar.spec.kind === 'io' ? this.#ioBus : this.#memoryBus;
  }
}

function contains(window: BusRange, range: BusRange): boolean {
  return (
    range.start >= window.start && range.start + range.sizeBytes <= window.start + window.sizeBytes
  );
}
