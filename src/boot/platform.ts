/**
 * The machine as firmware tables describe it: what ACPI and the MP table must say, and nothing else.
 *
 * Whoever builds the machine fills this in; addresses that never change are in the memory layout. The constants
 * below are for the devices that stand behind the tables, so that both sides say the same.
 */
import { assert } from '../base/assert.ts';
import type { AddressRange } from '../memory/layout.ts';

/** An interrupt pin of a PCI device: 0 is INTA#, 3 is INTD#. */
export type PciInterruptPin = 0 | 1 | 2 | 3;

/** Which interrupt input a PCI device's pin is wired to. */
export interface PciInterruptRoute {
  readonly bus: number;
  readonly device: number;
  readonly pin: PciInterruptPin;
  readonly gsi: number;
}

/** A 16550 UART. */
export interface SerialPort {
  /** First of its 8 I/O ports. */
  readonly port: number;
  readonly irq: number;
}

/** What the firmware tables describe. */
export interface PlatformDescription {
  /** 1 to {@link VCPU_COUNT_MAX}; APIC ids are 0 to this, exclusive. */
  readonly vcpuCount: number;
  /** Where 32-bit BARs may lie. */
  readonly lowMmio: AddressRange;
  /** Where 64-bit BARs may lie, above 4 GiB. */
  readonly highMmio?: AddressRange;
  readonly interruptRoutes: readonly PciInterruptRoute[];
  /** First port of the ACPI PM block, see {@link PM1_EVENT_OFFSET}; a multiple of 4. */
  readonly pmBase: number;
  readonly serialPorts: readonly SerialPort[];
  /** Port of the paravirtual panic device, where there is one. */
  readonly pvpanicPort?: number;
  /** IOAPIC input of the PIT: 2 as on a PC if the machine's GSI routes say so, 0 with KVM's default routes. */
  readonly timerGsi: 0 | 2;
}

/** Most vCPUs that the tables have room for. */
export const VCPU_COUNT_MAX = 64;

/** ISA interrupt of ACPI events: level-triggered, active high. */
export const SCI_IRQ = 5;
export const RTC_IRQ = 8;
/** PM1 event registers, status then enable, 16 bits each, from the PM base. */
export const PM1_EVENT_OFFSET = 0;
export const PM1_EVENT_BYTES = 4;
/** PM1 control register, 16 bits. */
export const PM1_CONTROL_OFFSET = 4;
export const PM1_CONTROL_BYTES = 2;
/** `SLP_TYP` value that, written to PM1 control with `SLP_EN`, turns the machine off. */
export const S5_SLEEP_TYPE = 0;
/** The reset register and the value that resets. */
export const RESET_PORT = 0xcf9;
export const RESET_VALUE = 6;
/** CMOS register of the century, which the FADT names. */
export const RTC_CENTURY_REGISTER = 0x32;

/** Interrupt inputs below this one are ISA's too, so that ACPI must say when PCI takes one. */
export const ISA_IRQ_COUNT = 16;

/** Id of the IOAPIC, past those of the local APICs. */
export function ioapicId(platform: PlatformDescription): number {
  return platform.vcpuCount + 1;
}

/** The ISA interrupt inputs that PCI pins are wired to, each once, in rising order; the SCI's is never shared. */
export function pciIsaGsis(platform: PlatformDescription): readonly number[] {
  const gsis = platform.interruptRoutes.map((route) => route.gsi);
  const isa = gsis.filter((gsi) => gsi < ISA_IRQ_COUNT && gsi !== SCI_IRQ);
  return [...new Set(isa)].sort((a, b) => a - b);
}

/** States what the table builders rely on. */
export function assertPlatform(platform: PlatformDescription): void {
  const { vcpuCount, pmBase } = platform;
  assert(vcpuCount >= 1 && vcpuCount <= VCPU_COUNT_MAX, `${vcpuCount} vCPUs`);
  assert(pmBase % 4 === 0 && pmBase < 0xfff8, `PM base 0x${pmBase.toString(16)}`);
}
