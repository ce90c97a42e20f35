/**
 * Bus 0: which function has which device number, and the address that each BAR has before the kernel looks.
 *
 * ```ts
 * const root = new PciRoot({ memoryBus, ioBus, windows });
 * root.add(fn);                                  // 00:01.0, and so on
 * ioBus.insert(CONFIG_PORTS, new ConfigPorts(root));
 * memoryBus.insert({ start: ECAM_START, sizeBytes: ECAM_SIZE }, new EcamWindow(root));
 * ```
 */
import { assert } from '../base/assert.ts';
import { ConfigError } from '../base/errors.ts';
import type { Bus } from '../bus/bus.ts';
import { AddressAllocator } from '../memory/address-allocator.ts';
import { type BarKind, BarMapper, type BarWindows } from './bar.ts';
import type { PciFunction } from './function.ts';
import { createHostBridge } from './host-bridge.ts';
import { intxGsi } from './intx.ts';

/** Device numbers on one bus. */
export const PCI_DEVICE_COUNT = 32;

export interface PciRootOptions {
  readonly memoryBus: Bus;
  readonly ioBus: Bus;
  readonly windows: BarWindows;
}

/** The root bus. Device 0 is the host bridge; every device has one function. */
export class PciRoot {
  readonly mapper: BarMapper;
  readonly #devices: (PciFunction | undefined)[] = Array.from({ length: PCI_DEVICE_COUNT });
  readonly #allocators: Readonly<Record<BarKind, AddressAllocator>>;

  constructor(options: PciRootOptions) {
    const { lowMemory, highMemory, io } = options.windows;
    this.mapper = new BarMapper(options.memoryBus, options.ioBus, options.windows);
    this.#allocators = {
      memory32: new AddressAllocator('32-bit BARs', lowMemory.start, lowMemory.sizeBytes),
      memory64: new AddressAllocator('64-bit BARs', highMemory.start, highMemory.sizeBytes),
      io: new AddressAllocator('I/O BARs', io.start, io.sizeBytes),
    };
    this.#devices[0] = createHostBridge();
  }

  /**
   * Gives a function a device number, its interrupt and its BARs' addresses, and puts it on the bus.
   *
   * @param deviceNumber 1 to 31; the lowest free one when left out.
   * @returns the device number.
   * @throws ERR_PCI_BUS_FULL, ERR_PCI_SLOT_TAKEN, ERR_ADDRESS_SPACE_FULL
   */
  add(fn: PciFunction, deviceNumber = this.#freeDeviceNumber()): number {
    const isNumber = Number.isInteger(deviceNumber);
    assert(isNumber && deviceNumber > 0 && deviceNumber < PCI_DEVICE_COUNT, 'bad device number');
    const present = this.#devices[deviceNumber];
    if (present !== undefined) {
      throw new ConfigError(
        'ERR_PCI_SLOT_TAKEN',
        `${fn.name} cannot be PCI device ${deviceNumber}: ${present.name} is; choose another address`,
      );
    }
    for (const bar of fn.bars) {
      const { kind, sizeBytes } = bar.spec;
      bar.assign(this.#allocators[kind].allocate(sizeBytes, sizeBytes));
    }
    fn.setInterrupt(intxGsi(deviceNumber));
    fn.connect(this.mapper);
    this.#devices[deviceNumber] = fn;
    return deviceNumber;
  }

  /** The function at an address, `undefined` where there is none. */
  find(bus: number, device: number, functionNumber: number): PciFunction | undefined {
    return bus === 0 && functionNumber === 0 ? this.#devices[device] : undefined;
  }

  /** Device numbers in use apart from the host bridge's, for the tables that describe the machine. */
  deviceNumbers(): readonly number[] {
    return this.#devices.flatMap((fn, number) => (fn !== undefined && number > 0 ? [number] : []));
  }

  #freeDeviceNumber(): number {
    const free = this.#devices.indexOf(undefined);
    if (free < 0) {
      throw new ConfigError(
        'ERR_PCI_BUS_FULL',
        `there are more than ${PCI_DEVICE_COUNT - 1} PCI devices; give the machine fewer`,
      );
    }
    return free;
  }
}
