/**
 * Interrupt controllers: a local APIC per vCPU, the IOAPIC, and where ISA interrupts differ from ISA's rules.
 *
 * Spec: ACPI 6.5 §5.2.12.
 */
import { IOAPIC_ADDRESS, LAPIC_ADDRESS } from '../../memory/layout.ts';
import { ByteWriter } from '../byte-writer.ts';
import { ioapicId, type PlatformDescription, pciIsaGsis, SCI_IRQ } from '../platform.ts';
import { buildTable } from './sdt.ts';

const REVISION = 5;
/** The machine has the two 8259 PICs of a PC too. */
const PCAT_COMPAT = 1;

const TYPE_LOCAL_APIC = 0;
const TYPE_IO_APIC = 1;
const TYPE_INTERRUPT_SOURCE_OVERRIDE = 2;
const TYPE_LOCAL_APIC_NMI = 4;

const LOCAL_APIC_ENABLED = 1;
const GSI_BASE = 0;
const ISA_BUS = 0;
const ALL_PROCESSORS = 0xff;
const LINT1 = 1;

/** Polarity in bits 0–1 (1 high, 3 low), trigger mode in bits 2–3 (1 edge, 3 level); 0 as the bus has it. */
const FLAGS_BUS_DEFAULT = 0;
const FLAGS_LEVEL_HIGH = 0b1101;
const FLAGS_LEVEL_LOW = 0b1111;

export function buildMadt(platform: PlatformDescription): Uint8Array {
  const body = new ByteWriter().u32(LAPIC_ADDRESS).u32(PCAT_COMPAT);
  for (let id = 0; id < platform.vcpuCount; id++) {
    body.u8(TYPE_LOCAL_APIC).u8(8).u8(id).u8(id).u32(LOCAL_APIC_ENABLED);
  }
  body.u8(TYPE_IO_APIC).u8(12).u8(ioapicId(platform)).u8(0).u32(IOAPIC_ADDRESS).u32(GSI_BASE);
  if (platform.timerGsi !== 0) {
    writeOverride(body, 0, platform.timerGsi, FLAGS_BUS_DEFAULT);
  }
  writeOverride(body, SCI_IRQ, SCI_IRQ, FLAGS_LEVEL_HIGH);
  // Without these a guest takes the inputs for ISA's: edge-triggered.
  for (const gsi of pciIsaGsis(platform)) {
    writeOverride(body, gsi, gsi, FLAGS_LEVEL_LOW);
  }
  body.u8(TYPE_LOCAL_APIC_NMI).u8(6).u8(ALL_PROCESSORS).u16(FLAGS_BUS_DEFAULT).u8(LINT1);
  return buildTable('APIC', REVISION, body.finish());
}

function writeOverride(body: ByteWriter, irq: number, gsi: number, flags: number): void {
  body.u8(TYPE_INTERRUPT_SOURCE_OVERRIDE).u8(10).u8(ISA_BUS).u8(irq).u32(gsi).u16(flags);
}
