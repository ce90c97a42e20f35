/**
 * The panic notifier (QEMU's docs/specs/pvpanic): a guest kernel that panics writes why into one byte. As an ISA port
 * (ACPI id QEMU0001), or as a PCI function as crosvm has it.
 *
 * ```ts
 * ioBus.insert({ start: 0x505, sizeBytes: 1 }, new Pvpanic(events));
 * root.add(createPvpanicFunction(new Pvpanic(events)));
 * ```
 */
import { type AccessSize, allOnes, type BusDevice } from '../bus/bus-device.ts';
import { PciFunction } from '../pci/function.ts';
import type { MachineEvents } from './machine-events.ts';

const PVPANIC_PANICKED = 1;
/** The guest's own crash kernel takes over. */
const PVPANIC_CRASH_LOADED = 2;

const PCI_VENDOR_ID_REDHAT = 0x1b36;
const PCI_DEVICE_ID_PVPANIC = 0x0011;
const PCI_CLASS_OTHERS = 0xff_0000;
const BAR_BYTES = 16;

/** The register: reads say which events it knows. */
export class Pvpanic implements BusDevice {
  readonly name = 'pvpanic';
  readonly #events: MachineEvents;

  constructor(events: MachineEvents) {
    this.#events = events;
  }

  read(offset: number, size: AccessSize): number {
    const isRegister = offset === 0 && size === 1;
    return isRegister ? PVPANIC_PANICKED | PVPANIC_CRASH_LOADED : allOnes(size);
  }

  write(offset: number, size: AccessSize, value: number): void {
    if (offset !== 0 || size !== 1) {
      return;
    }
    if ((value & PVPANIC_PANICKED) !== 0) {
      this.#events.guestPanic(false);
    } else if ((value & PVPANIC_CRASH_LOADED) !== 0) {
      this.#events.guestPanic(true);
    }
  }
}

/** The register behind a memory BAR. */
export function createPvpanicFunction(device: Pvpanic): PciFunction {
  const fn = new PciFunction('pvpanic', {
    vendorId: PCI_VENDOR_ID_REDHAT,
    deviceId: PCI_DEVICE_ID_PVPANIC,
    classCode: PCI_CLASS_OTHERS,
    revision: 1,
    subsystemVendorId: 0xff,
    subsystemId: 0xff,
  });
  fn.addBar(0, { kind: 'memory32', sizeBytes: BAR_BYTES, device });
  return fn;
}
