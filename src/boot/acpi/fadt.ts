/**
 * Fixed hardware: the power-management registers, the power button, the reset register, and what a PC has that this
 * machine has not. There is no SMI command port, so the machine is in ACPI mode from the start; no PM timer and no
 * general-purpose events.
 *
 * Spec: ACPI 6.5 §5.2.9.
 */
import { ByteWriter } from '../byte-writer.ts';
import {
  type PlatformDescription,
  PM1_CONTROL_BYTES,
  PM1_CONTROL_OFFSET,
  PM1_EVENT_BYTES,
  PM1_EVENT_OFFSET,
  RESET_PORT,
  RESET_VALUE,
  RTC_CENTURY_REGISTER,
  SCI_IRQ,
} from '../platform.ts';
import { buildTable } from './sdt.ts';

const REVISION = 6;
const MINOR_REVISION = 3;
const HYPERVISOR_ID = 'CROSVM';

/** No C2 above 100 µs, no C3 above 1000 µs: neither exists. */
const NO_C2_LATENCY = 0xfff;
const NO_C3_LATENCY = 0xfff;

/** IAPC_BOOT_ARCH: serial ports are there; the i8042 is not announced, it only resets. */
const LEGACY_DEVICES = 1 << 0;
const VGA_NOT_PRESENT = 1 << 2;

/** Fixed feature flags; a clear PWR_BUTTON (bit 4) means that the power button is fixed hardware. */
const WBINVD = 1 << 0;
const PROC_C1 = 1 << 2;
const NO_FIXED_SLEEP_BUTTON = 1 << 5;
const NO_FIXED_RTC_WAKE = 1 << 6;
const RESET_REG_SUP = 1 << 10;

const SPACE_SYSTEM_IO = 1;
const ACCESS_BYTE = 1;
const ACCESS_WORD = 2;
const GENERIC_ADDRESS_BYTES = 12;

/** Addresses of the tables that the FADT points to. */
export interface FadtPointers {
  readonly facs: number;
  readonly dsdt: number;
}

export function buildFadt(platform: PlatformDescription, pointers: FadtPointers): Uint8Array {
  const body = new ByteWriter();
  writeLegacyPart(body, platform, pointers);
  writeFlags(body);
  writeExtendedPart(body, platform, pointers);
  return buildTable('FACP', REVISION, body.finish());
}

/** Offsets 36 to 94: 32-bit addresses, then lengths. */
function writeLegacyPart(body: ByteWriter, platform: PlatformDescription, to: FadtPointers): void {
  const unspecifiedProfile = 0;
  body.u32(to.facs).u32(to.dsdt).u8(0).u8(unspecifiedProfile).u16(SCI_IRQ);
  // SMI command port and the values for it.
  body.u32(0).zeros(4);
  // PM1a and PM1b event, PM1a and PM1b control, PM2 control, PM timer, GPE0, GPE1.
  body.u32(platform.pmBase + PM1_EVENT_OFFSET).u32(0);
  body.u32(platform.pmBase + PM1_CONTROL_OFFSET).u32(0);
  body.u32(0).u32(0).u32(0).u32(0);
  // Lengths: PM1 event, PM1 control, PM2 control, PM timer, GPE0, GPE1; then the first event of GPE1.
  body.u8(PM1_EVENT_BYTES).u8(PM1_CONTROL_BYTES).u8(0).u8(0).u8(0).u8(0).u8(0);
}

/** Offsets 95 to 131. */
function writeFlags(body: ByteWriter): void {
  const cstateControl = 0;
  body.u8(cstateControl).u16(NO_C2_LATENCY).u16(NO_C3_LATENCY);
  // Cache flush size and stride, duty cycle: none; then day and month of the RTC alarm: none.
  body.u16(0).u16(0).u8(0).u8(0).u8(0).u8(0).u8(RTC_CENTURY_REGISTER);
  body.u16(LEGACY_DEVICES | VGA_NOT_PRESENT).u8(0);
  body.u32(WBINVD | PROC_C1 | NO_FIXED_SLEEP_BUTTON | NO_FIXED_RTC_WAKE | RESET_REG_SUP);
  writeIoRegister(body, RESET_PORT, 1, ACCESS_BYTE);
  const armBootArch = 0;
  body.u8(RESET_VALUE).u16(armBootArch).u8(MINOR_REVISION);
}

/** Offsets 132 to 275: the same again in 64 bits. */
function writeExtendedPart(
  body: ByteWriter,
  platform: PlatformDescription,
  to: FadtPointers,
): void {
  // The FACS has one address only: with both given, this one would have to win.
  body.u64(0).u64(to.dsdt);
  const none = GENERIC_ADDRESS_BYTES;
  writeIoRegister(body, platform.pmBase + PM1_EVENT_OFFSET, PM1_EVENT_BYTES, ACCESS_WORD);
  body.zeros(none);
  writeIoRegister(body, platform.pmBase + PM1_CONTROL_OFFSET, PM1_CONTROL_BYTES, ACCESS_WORD);
  // PM1b control, PM2 control, PM timer, GPE0, GPE1, sleep control, sleep status.
  body.zeros(7 * none).ascii(HYPERVISOR_ID, 8);
}

/** A generic address structure for I/O ports, ACPI 6.5 §5.2.3.2. */
function writeIoRegister(body: ByteWriter, port: number, sizeBytes: number, access: number): void {
  const bitOffset = 0;
  body
    .u8(SPACE_SYSTEM_IO)
    .u8(sizeBytes * 8)
    .u8(bitOffset)
    .u8(access)
    .u64(port);
}
