/**
 * The MP table: processors, buses and interrupt wiring, for guests that run without ACPI.
 *
 * ```
 * 0x9e800  configuration table: 44-byte header, then processors (20 bytes each), buses, IOAPIC and
 *          interrupt assignments (8 bytes each), in the order of their type codes
 * 0x9fc00  floating pointer (16 bytes), which guests search for
 * ```
 *
 * Spec: Intel MultiProcessor Specification 1.4, chapter 4.
 */
import { assert } from '../base/assert.ts';
import { IOAPIC_ADDRESS, LAPIC_ADDRESS, MP_FLOATING_POINTER, MPTABLE } from '../memory/layout.ts';
import type { BootMemory } from './boot-memory.ts';
import { ByteWriter, checksumOf } from './byte-writer.ts';
import {
  assertPlatform,
  ISA_IRQ_COUNT,
  ioapicId,
  type PlatformDescription,
  pciIsaGsis,
  SCI_IRQ,
} from './platform.ts';

const SPEC_1_4 = 4;
const HEADER_BYTES = 44;
const OEM_ID = 'CROSVM  ';
const PRODUCT_ID = '000000000000';
const APIC_VERSION = 0x14;

const ENTRY_PROCESSOR = 0;
const ENTRY_BUS = 1;
const ENTRY_IOAPIC = 2;
const ENTRY_IO_INTERRUPT = 3;
const ENTRY_LOCAL_INTERRUPT = 4;

const CPU_ENABLED = 1;
const CPU_BOOTSTRAP = 2;
/** Family 6, which stands for every later processor. */
const CPU_SIGNATURE = 0x600;
const CPU_FEATURE_FPU = 0x001;
const CPU_FEATURE_APIC = 0x200;
const IOAPIC_ENABLED = 1;

const INTERRUPT_INT = 0;
const INTERRUPT_NMI = 1;
const INTERRUPT_EXTINT = 3;
/** Polarity and trigger mode as the source bus has them: ISA edge and high, PCI level and low. */
const FLAGS_BUS_DEFAULT = 0;
const FLAGS_LEVEL_HIGH = 0b1101;
const LINT0 = 0;
const LINT1 = 1;
const ALL_LOCAL_APICS = 0xff;

/** An interrupt assignment, I/O or local: the two have the same form. */
interface InterruptEntry {
  readonly type: typeof ENTRY_IO_INTERRUPT | typeof ENTRY_LOCAL_INTERRUPT;
  readonly kind: number;
  readonly flags: number;
  readonly sourceBus: number;
  readonly sourceIrq: number;
  readonly apic: number;
  readonly input: number;
}

/** Writes the MP table; returns the address of its floating pointer. */
export function writeMpTable(memory: BootMemory, platform: PlatformDescription): number {
  assertPlatform(platform);
  const table = configurationTable(platform);
  assert(MPTABLE + table.length <= MP_FLOATING_POINTER, `MP table of ${table.length} bytes`);
  memory.write(MPTABLE, table);
  memory.write(MP_FLOATING_POINTER, floatingPointer());
  return MP_FLOATING_POINTER;
}

function floatingPointer(): Uint8Array {
  const lengthIn16Bytes = 1;
  const writer = new ByteWriter().ascii('_MP_').u32(MPTABLE).u8(lengthIn16Bytes).u8(SPEC_1_4);
  const checksumAt = writer.length;
  writer.zeros(6);
  return writer.patchU8(checksumAt, checksumOf(writer.finish())).finish();
}

function configurationTable(platform: PlatformDescription): Uint8Array {
  const isaBus = 1 + Math.max(0, ...platform.interruptRoutes.map((route) => route.bus));
  const entries = new ByteWriter();
  writeProcessors(entries, platform.vcpuCount);
  for (let bus = 0; bus < isaBus; bus++) {
    entries.u8(ENTRY_BUS).u8(bus).ascii('PCI   ');
  }
  entries.u8(ENTRY_BUS).u8(isaBus).ascii('ISA   ');
  entries.u8(ENTRY_IOAPIC).u8(ioapicId(platform)).u8(APIC_VERSION).u8(IOAPIC_ENABLED);
  entries.u32(IOAPIC_ADDRESS);
  const interrupts = [...ioInterrupts(platform, isaBus), ...localInterrupts(isaBus)];
  for (const entry of interrupts) {
    entries.u8(entry.type).u8(entry.kind).u16(entry.flags).u8(entry.sourceBus);
    entries.u8(entry.sourceIrq).u8(entry.apic).u8(entry.input);
  }
  // Processors, buses, the IOAPIC, interrupts.
  const count = platform.vcpuCount + isaBus + 1 + 1 + interrupts.length;
  return withHeader(entries.finish(), count);
}

function withHeader(entries: Uint8Array, count: number): Uint8Array {
  const writer = new ByteWriter()
    .ascii('PCMP')
    .u16(HEADER_BYTES + entries.length)
    .u8(SPEC_1_4);
  const checksumAt = writer.length;
  writer.u8(0).ascii(OEM_ID).ascii(PRODUCT_ID);
  // No OEM table: its address and size are zero.
  writer.u32(0).u16(0).u16(count).u32(LAPIC_ADDRESS).u32(0).bytes(entries);
  return writer.patchU8(checksumAt, checksumOf(writer.finish())).finish();
}

function writeProcessors(entries: ByteWriter, vcpuCount: number): void {
  for (let apicId = 0; apicId < vcpuCount; apicId++) {
    entries.u8(ENTRY_PROCESSOR).u8(apicId).u8(APIC_VERSION);
    entries.u8(CPU_ENABLED | (apicId === 0 ? CPU_BOOTSTRAP : 0));
    entries
      .u32(CPU_SIGNATURE)
      .u32(CPU_FEATURE_FPU | CPU_FEATURE_APIC)
      .zeros(8);
  }
}

function ioInterrupts(platform: PlatformDescription, isaBus: number): InterruptEntry[] {
  const io = { type: ENTRY_IO_INTERRUPT, kind: INTERRUPT_INT, apic: ioapicId(platform) } as const;
  const taken = new Set(pciIsaGsis(platform));
  const isaIrqs = Array.from({ length: ISA_IRQ_COUNT }, (_, irq) => irq).filter(
    // IRQ 2 is the second PIC's, and its input may be the timer's.
    (irq) => irq !== 2 && !taken.has(irq),
  );
  return [
    ...isaIrqs.map((irq) => ({
      ...io,
      flags: irq === SCI_IRQ ? FLAGS_LEVEL_HIGH : FLAGS_BUS_DEFAULT,
      sourceBus: isaBus,
      sourceIrq: irq,
      input: irq === 0 ? platform.timerGsi : irq,
    })),
    ...platform.interruptRoutes.map((route) => ({
      ...io,
      flags: FLAGS_BUS_DEFAULT,
      sourceBus: route.bus,
      sourceIrq: route.device * 4 + route.pin,
      input: route.gsi,
    })),
  ];
}

/** The PICs at LINT0 of the boot processor, NMI at LINT1 of all. */
function localInterrupts(isaBus: number): InterruptEntry[] {
  const local = {
    type: ENTRY_LOCAL_INTERRUPT,
    flags: FLAGS_BUS_DEFAULT,
    sourceBus: isaBus,
    sourceIrq: 0,
  } as const;
  return [
    { ...local, kind: INTERRUPT_EXTINT, apic: 0, input: LINT0 },
    { ...local, kind: INTERRUPT_NMI, apic: ALL_LOCAL_APICS, input: LINT1 },
  ];
}
