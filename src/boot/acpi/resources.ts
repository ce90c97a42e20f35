/**
 * Resource descriptors: the I/O ports, memory, bus numbers and interrupts of a device, for `_CRS`.
 *
 * Spec: ACPI 6.5 §6.4.
 */
import { assert } from '../../base/assert.ts';
import type { AddressRange } from '../../memory/layout.ts';
import { ByteWriter } from '../byte-writer.ts';
import { type Aml, buffer, concat } from './aml.ts';

const IRQ_NO_FLAGS = 0x22;
const IO_PORT = 0x47;
const END_TAG = 0x79;
const MEMORY_32_FIXED = 0x86;
const DWORD_ADDRESS_SPACE = 0x87;
const WORD_ADDRESS_SPACE = 0x88;
const QWORD_ADDRESS_SPACE = 0x8a;

const IO_DECODES_16_BITS = 1;
const MEMORY_IS_WRITABLE = 1;

const SPACE_MEMORY = 0;
const SPACE_IO = 1;
const SPACE_BUS_NUMBER = 2;
/** A bridge's window, decoded positively, that does not move: minimum and maximum are fixed. */
const FIXED_WINDOW = 0b1100;
const MEMORY_FLAGS_WRITABLE_UNCACHED = 1;
const IO_FLAGS_ENTIRE_RANGE = 3;
const BUS_FLAGS = 0;

/** `ResourceTemplate () { … }` */
export function resourceTemplate(...descriptors: readonly Uint8Array[]): Aml {
  // A checksum of zero means that there is none.
  return buffer(concat(...descriptors, Uint8Array.of(END_TAG, 0)));
}

/** I/O ports of a device. */
export function ioPorts(first: number, count: number): Uint8Array {
  const alignment = 1;
  const writer = new ByteWriter().u8(IO_PORT).u8(IO_DECODES_16_BITS).u16(first).u16(first);
  return writer.u8(alignment).u8(count).finish();
}

/** An ISA interrupt, edge-triggered and active high. */
export function isaIrq(irq: number): Uint8Array {
  return new ByteWriter()
    .u8(IRQ_NO_FLAGS)
    .u16(2 ** irq)
    .finish();
}

/** Memory of a device, below 4 GiB. */
export function fixedMemory(range: AddressRange): Uint8Array {
  const writer = new ByteWriter().u8(MEMORY_32_FIXED).u16(9).u8(MEMORY_IS_WRITABLE);
  return writer.u32(range.start).u32(range.sizeBytes).finish();
}

/** Bus numbers behind a host bridge, from 0. */
export function busWindow(count: number): Uint8Array {
  return wordWindow(SPACE_BUS_NUMBER, BUS_FLAGS, 0, count);
}

/** I/O ports that a host bridge passes on. */
export function ioWindow(first: number, end: number): Uint8Array {
  return wordWindow(SPACE_IO, IO_FLAGS_ENTIRE_RANGE, first, end - first);
}

/** Memory below 4 GiB that a host bridge passes on. */
export function memoryWindow32(range: AddressRange): Uint8Array {
  assert(range.start + range.sizeBytes <= 2 ** 32, 'a 32-bit window ends by 4 GiB');
  const granularity = 0;
  const translation = 0;
  const writer = new ByteWriter().u8(DWORD_ADDRESS_SPACE).u16(23).u8(SPACE_MEMORY);
  writer.u8(FIXED_WINDOW).u8(MEMORY_FLAGS_WRITABLE_UNCACHED).u32(granularity).u32(range.start);
  writer.u32(range.start + range.sizeBytes - 1).u32(translation);
  return writer.u32(range.sizeBytes).finish();
}

/** Memory anywhere that a host bridge passes on. */
export function memoryWindow64(range: AddressRange): Uint8Array {
  const granularity = 0;
  const translation = 0;
  const writer = new ByteWriter().u8(QWORD_ADDRESS_SPACE).u16(43).u8(SPACE_MEMORY);
  writer.u8(FIXED_WINDOW).u8(MEMORY_FLAGS_WRITABLE_UNCACHED).u64(granularity).u64(range.start);
  writer.u64(range.start + range.sizeBytes - 1).u64(translation);
  return writer.u64(range.sizeBytes).finish();
}

function wordWindow(space: number, flags: number, first: number, count: number): Uint8Array {
  const granularity = 0;
  const translation = 0;
  const writer = new ByteWriter().u8(WORD_ADDRESS_SPACE).u16(13).u8(space).u8(FIXED_WINDOW);
  writer
    .u8(flags)
    .u16(granularity)
    .u16(first)
    .u16(first + count - 1)
    .u16(translation);
  return writer.u16(count).finish();
}
