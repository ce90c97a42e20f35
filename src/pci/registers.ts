/**
 * The type 0 configuration header (PCI 3.0 §6.1) as one table, and the numbers of the registers in it.
 *
 * Bits that are neither writable nor cleared by writing are the device's: a write leaves them alone.
 */

export const PCI_CONFIG_BYTES = 256;
/** PCI Express 6.0 §7.2.2: what ECAM reaches of one function. */
export const PCIE_CONFIG_BYTES = 4096;

export const PCI_VENDOR_ID = 0x00;
export const PCI_DEVICE_ID = 0x02;
export const PCI_COMMAND = 0x04;
export const PCI_STATUS = 0x06;
export const PCI_REVISION_ID = 0x08;
/** Programming interface, subclass, base class: one byte each. */
export const PCI_CLASS_PROG = 0x09;
export const PCI_CACHE_LINE_SIZE = 0x0c;
export const PCI_LATENCY_TIMER = 0x0d;
export const PCI_HEADER_TYPE = 0x0e;
export const PCI_BASE_ADDRESS_0 = 0x10;
export const PCI_BAR_COUNT = 6;
export const PCI_SUBSYSTEM_VENDOR_ID = 0x2c;
export const PCI_SUBSYSTEM_ID = 0x2e;
export const PCI_CAPABILITY_LIST = 0x34;
export const PCI_INTERRUPT_LINE = 0x3c;
export const PCI_INTERRUPT_PIN = 0x3d;
export const PCI_HEADER_BYTES = 0x40;

export const PCI_COMMAND_IO = 0x1;
export const PCI_COMMAND_MEMORY = 0x2;
export const PCI_COMMAND_MASTER = 0x4;
const PCI_COMMAND_PARITY = 0x40;
const PCI_COMMAND_SERR = 0x100;
export const PCI_COMMAND_INTX_DISABLE = 0x400;

export const PCI_STATUS_INTERRUPT = 0x8;
export const PCI_STATUS_CAP_LIST = 0x10;
/** Error bits: detected parity error down to master data parity error. */
const PCI_STATUS_ERRORS = 0xf900;

/** One register of the header. */
export interface HeaderRegister {
  readonly name: string;
  readonly offset: number;
  readonly width: 1 | 2 | 4;
  /** Bits that software sets and clears. */
  readonly writable?: number;
  /** Bits that software clears by writing one. */
  readonly writeOneToClear?: number;
}

/** Base address registers are missing: their writable bits follow from their sizes. */
export const TYPE0_HEADER: readonly HeaderRegister[] = [
  { name: 'vendor id', offset: PCI_VENDOR_ID, width: 2 },
  { name: 'device id', offset: PCI_DEVICE_ID, width: 2 },
  {
    name: 'command',
    offset: PCI_COMMAND,
    width: 2,
    writable:
      PCI_COMMAND_IO |
      PCI_COMMAND_MEMORY |
      PCI_COMMAND_MASTER |
      PCI_COMMAND_PARITY |
      PCI_COMMAND_SERR |
      PCI_COMMAND_INTX_DISABLE,
  },
  { name: 'status', offset: PCI_STATUS, width: 2, writeOneToClear: PCI_STATUS_ERRORS },
  { name: 'revision id', offset: PCI_REVISION_ID, width: 1 },
  { name: 'class code, interface', offset: PCI_CLASS_PROG, width: 1 },
  { name: 'class code, subclass', offset: PCI_CLASS_PROG + 1, width: 1 },
  { name: 'class code, base', offset: PCI_CLASS_PROG + 2, width: 1 },
  { name: 'cache line size', offset: PCI_CACHE_LINE_SIZE, width: 1, writable: 0xff },
  { name: 'latency timer', offset: PCI_LATENCY_TIMER, width: 1 },
  { name: 'header type', offset: PCI_HEADER_TYPE, width: 1 },
  { name: 'subsystem vendor id', offset: PCI_SUBSYSTEM_VENDOR_ID, width: 2 },
  { name: 'subsystem id', offset: PCI_SUBSYSTEM_ID, width: 2 },
  { name: 'capabilities pointer', offset: PCI_CAPABILITY_LIST, width: 1 },
  { name: 'interrupt line', offset: PCI_INTERRUPT_LINE, width: 1, writable: 0xff },
  { name: 'interrupt pin', offset: PCI_INTERRUPT_PIN, width: 1 },
];
