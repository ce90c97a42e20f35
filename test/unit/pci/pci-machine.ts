/** A root bus with devices that have BARs, for the tests of this folder. */
import { Bus } from '../../../src/bus/bus.ts';
import type { BusDevice } from '../../../src/bus/bus-device.ts';
import {
  ECAM_SIZE,
  ECAM_START,
  LOW_MMIO_END,
  LOW_MMIO_START,
  PCI_IO_END,
  PCI_IO_START,
} from '../../../src/memory/layout.ts';
import type { BarWindows } from '../../../src/pci/bar.ts';
import { CONFIG_PORTS, ConfigPorts, EcamWindow } from '../../../src/pci/config-access.ts';
import { PciFunction } from '../../../src/pci/function.ts';
import { PciRoot } from '../../../src/pci/pci-root.ts';

export const HIGH_WINDOW = { start: 0x1_4000_0000, sizeBytes: 0x10_0000_0000 };
export const WINDOWS: BarWindows = {
  lowMemory: { start: LOW_MMIO_START, sizeBytes: LOW_MMIO_END - LOW_MMIO_START },
  highMemory: HIGH_WINDOW,
  io: { start: PCI_IO_START, sizeBytes: PCI_IO_END - PCI_IO_START },
};

/** A register block that reads as a constant. */
export function constantDevice(name: string, value: number): BusDevice {
  return {
    name,
    read: (_offset, size) => (size === 4 ? value : value & (size === 2 ? 0xffff : 0xff)),
    write: () => undefined,
  };
}

export function createFunction(name: string, deviceId = 0x1044): PciFunction {
  return new PciFunction(name, {
    vendorId: 0x1af4,
    deviceId,
    classCode: 0x08_8000,
    revision: 1,
    subsystemVendorId: 0x1af4,
    subsystemId: deviceId,
  });
}

/** Both buses, the root, and the two ways to configuration space. */
export class PciMachine {
  readonly memoryBus = new Bus('mmio');
  readonly ioBus = new Bus('pio');
  readonly root = new PciRoot({ memoryBus: this.memoryBus, ioBus: this.ioBus, windows: WINDOWS });
  readonly ports = new ConfigPorts(this.root);

  constructor() {
    this.ioBus.insert(CONFIG_PORTS, this.ports);
    this.memoryBus.insert({ start: ECAM_START, sizeBytes: ECAM_SIZE }, new EcamWindow(this.root));
  }

  /** Reads a dword of configuration space through ports 0xcf8 and 0xcfc. */
  readConfig(device: number, register: number): number {
    this.selectConfig(device, register);
    this.ioBus.read(0xcfc, 4);
    return this.ioBus.low;
  }

  writeConfig(device: number, register: number, value: number): void {
    this.selectConfig(device, register);
    this.ioBus.write(0xcfc, 4, value, 0);
  }

  selectConfig(device: number, register: number): void {
    this.ioBus.write(0xcf8, 4, 0x8000_0000 + device * 0x800 + register, 0);
  }

  readMemory(address: number): number {
    this.memoryBus.read(address, 4);
    return this.memoryBus.low;
  }

  readIo(port: number): number {
    this.ioBus.read(port, 4);
    return this.ioBus.low;
  }
}
