/**
 * The driver's side of a split virtqueue over real guest memory, for tests of queues and devices.
 *
 * It keeps the rules unless told otherwise: the `raw…` methods write whatever a hostile driver might.
 */
import type { QueueSetup } from '../../src/ipc/device-protocol.ts';
import { GuestMemory } from '../../src/memory/guest-memory.ts';
import type { AddressRange } from '../../src/memory/layout.ts';
import type { OwnedFd } from '../../src/sys/fd.ts';
import {
  VIRTQ_DESC_BYTES,
  VIRTQ_DESC_F_INDIRECT,
  VIRTQ_DESC_F_NEXT,
  VIRTQ_DESC_F_WRITE,
} from '../../src/virtio/constants.ts';

/** Guest memory of a test: the memfd stays open, so that a device process can be given it. */
export interface TestMemory {
  readonly memory: GuestMemory;
  readonly fd: OwnedFd;
  readonly ranges: readonly AddressRange[];
}

/** Guest memory with RAM from 0 to `sizeBytes`, or with the given ranges. */
export function createTestMemory(sizeOrRanges: number | readonly AddressRange[]): TestMemory {
  const ranges =
    typeof sizeOrRanges === 'number' ? [{ start: 0, sizeBytes: sizeOrRanges }] : sizeOrRanges;
  const fd = GuestMemory.createFile(ranges);
  return { memory: GuestMemory.map(fd.raw, ranges), fd, ranges };
}

/** One buffer of a chain. */
export interface MockBuffer {
  readonly gpa: number;
  readonly length: number;
  readonly writable?: boolean;
}

/** One raw descriptor (virtio 1.3 §2.7.5). */
export interface MockDescriptor {
  readonly gpa: number;
  readonly length: number;
  readonly flags: number;
  readonly next: number;
}

/** One element of the used ring. */
export interface UsedElement {
  readonly head: number;
  readonly length: number;
}

export interface MockDriverOptions {
  readonly index?: number;
  readonly size: number;
  /** Where the rings go, descriptor table first; page-aligned. */
  readonly base: number;
}

export class MockDriver {
  readonly memory: GuestMemory;
  readonly setup: QueueSetup;
  readonly size: number;
  /** First byte after the rings. */
  readonly end: number;

  readonly #free: number[] = [];
  /** Descriptors of each chain in flight, by head. */
  readonly #inFlight = new Map<number, readonly number[]>();
  readonly #view: DataView;
  readonly #words: Uint16Array;
  readonly #base: number;
  #availIdx = 0;
  #usedIdx = 0;

  constructor(memory: GuestMemory, options: MockDriverOptions) {
    const { base, size } = options;
    const availRing = base + size * VIRTQ_DESC_BYTES;
    const usedRing = Math.ceil((availRing + 6 + 2 * size) / 4) * 4;
    this.memory = memory;
    this.size = size;
    this.end = usedRing + 6 + 8 * size;
    this.setup = {
      index: options.index ?? 0,
      size,
      descriptorTable: base,
      availRing,
      usedRing,
    };
    const bytes = memory.borrow(base, this.end - base);
    bytes.fill(0);
    this.#base = base;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#words = new Uint16Array(bytes.buffer, bytes.byteOffset, Math.floor(bytes.length / 2));
    for (let index = size - 1; index >= 0; index--) {
      this.#free.push(index);
    }
  }

  /** Driver's avail idx. */
  get availIdx(): number {
    return this.#availIdx;
  }
  /** The device's used idx as it stands in memory. */
  get usedIdx(): number {
    return Atomics.load(this.#words, this.#usedWord(1));
  }
  /** `flags` of the used ring. */
  get usedFlags(): number {
    return Atomics.load(this.#words, this.#usedWord(0));
  }
  /** `avail_event`, which the device writes. */
  get availEvent(): number {
    return Atomics.load(this.#words, this.#usedWord(2 + 4 * this.size));
  }
  /** Descriptors that are not in flight. */
  get freeCount(): number {
    return this.#free.length;
  }
  /** Heads that were offered and have not come back. */
  get inFlight(): readonly number[] {
    return [...this.#inFlight.keys()];
  }

  /** `flags` of the avail ring. */
  setAvailFlags(flags: number): void {
    Atomics.store(this.#words, this.#availWord(0), flags);
  }
  /** `used_event`: notify once this entry is used. */
  setUsedEvent(index: number): void {
    Atomics.store(this.#words, this.#availWord(2 + this.size), index & 0xffff);
  }

  /** Chains the buffers and offers them at once. Returns the head. */
  offer(buffers: readonly MockBuffer[]): number {
    const head = this.add(buffers);
    this.publish();
    return head;
  }

  /** Chains the buffers without showing them to the device yet. */
  add(buffers: readonly MockBuffer[]): number {
    const indices = buffers.map(() => this.#takeFree());
    const head = indices[0];
    if (head === undefined) {
      throw new Error('a chain has at least one buffer');
    }
    buffers.forEach((buffer, position) => {
      const at = indices[position];
      const next = indices[position + 1];
      if (at !== undefined) {
        this.rawDescriptor(at, describeBuffer(buffer, next));
      }
    });
    this.#enqueue(head, indices);
    return head;
  }

  /** Offers the buffers through an indirect table written at `tableGpa`. */
  addIndirect(buffers: readonly MockBuffer[], tableGpa: number): number {
    buffers.forEach((buffer, position) => {
      const next = position + 1 < buffers.length ? position + 1 : undefined;
      writeDescriptor(this.memory, tableGpa, position, describeBuffer(buffer, next));
    });
    return this.addRawIndirect(tableGpa, buffers.length * VIRTQ_DESC_BYTES);
  }

  /** Offers one descriptor that points at an indirect table, whatever that holds. */
  addRawIndirect(tableGpa: number, tableBytes: number, extraFlags = 0): number {
    const head = this.#takeFree();
    const flags = VIRTQ_DESC_F_INDIRECT | extraFlags;
    this.rawDescriptor(head, { gpa: tableGpa, length: tableBytes, flags, next: 0 });
    this.#enqueue(head, [head]);
    return head;
  }

  /** Shows the device everything that was added. */
  publish(): void {
    Atomics.store(this.#words, this.#availWord(1), this.#availIdx);
  }

  /** True when the device has given back something that was not taken yet. */
  hasUsed(): boolean {
    return this.usedIdx !== this.#usedIdx;
  }

  /** The next head that the device gave back, or undefined. Its descriptors are free again. */
  takeUsed(): UsedElement | undefined {
    if (!this.hasUsed()) {
      return undefined;
    }
    const at = this.setup.usedRing - this.#base + 4 + 8 * (this.#usedIdx % this.size);
    const element = {
      head: this.#view.getUint32(at, true),
      length: this.#view.getUint32(at + 4, true),
    };
    this.#usedIdx = (this.#usedIdx + 1) & 0xffff;
    const indices = this.#inFlight.get(element.head);
    if (indices === undefined) {
      throw new Error(`the device gave back head ${element.head}, which it does not have`);
    }
    this.#inFlight.delete(element.head);
    this.#free.push(...indices);
    return element;
  }

  /** Everything that the device gave back. */
  takeAllUsed(): readonly UsedElement[] {
    const elements: UsedElement[] = [];
    for (let next = this.takeUsed(); next !== undefined; next = this.takeUsed()) {
      elements.push(next);
    }
    return elements;
  }

  /** Writes a descriptor as it is. */
  rawDescriptor(index: number, descriptor: MockDescriptor): void {
    writeDescriptor(this.memory, this.setup.descriptorTable, index, descriptor);
  }

  /** Offers a head whatever its descriptors hold; it counts as in flight. */
  rawOffer(head: number): void {
    this.#enqueue(head, []);
    this.publish();
  }

  /** Writes avail idx as it is. */
  rawAvailIdx(value: number): void {
    Atomics.store(this.#words, this.#availWord(1), value & 0xffff);
  }

  #enqueue(head: number, indices: readonly number[]): void {
    this.#inFlight.set(head, indices);
    this.#words[this.#availWord(2 + (this.#availIdx % this.size))] = head;
    this.#availIdx = (this.#availIdx + 1) & 0xffff;
  }

  #takeFree(): number {
    const index = this.#free.pop();
    if (index === undefined) {
      throw new Error('all descriptors are in flight');
    }
    return index;
  }

  #availWord(index: number): number {
    return (this.setup.availRing - this.#base) / 2 + index;
  }
  #usedWord(index: number): number {
    return (this.setup.usedRing - this.#base) / 2 + index;
  }
}

function describeBuffer(buffer: MockBuffer, next: number | undefined): MockDescriptor {
  const flags =
    (buffer.writable === true ? VIRTQ_DESC_F_WRITE : 0) |
    (next === undefined ? 0 : VIRTQ_DESC_F_NEXT);
  return { gpa: buffer.gpa, length: buffer.length, flags, next: next ?? 0 };
}

/** Writes entry `index` of a descriptor table. */
export function writeDescriptor(
  memory: GuestMemory,
  tableGpa: number,
  index: number,
  descriptor: MockDescriptor,
): void {
  const bytes = new Uint8Array(VIRTQ_DESC_BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(descriptor.gpa), true);
  view.setUint32(8, descriptor.length, true);
  view.setUint16(12, descriptor.flags, true);
  view.setUint16(14, descriptor.next, true);
  memory.write(tableGpa + index * VIRTQ_DESC_BYTES, bytes);
}
