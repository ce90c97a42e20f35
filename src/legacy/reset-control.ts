/**
 * The reset control register at port 0xcf9, which ACPI's FADT names as the way to reset the machine.
 *
 * ```ts
 * new ConfigPorts(root, new ResetControl(events)); // the port lies inside the PCI address register
 * ```
 */
import { type AccessSize, allOnes, type BusDevice } from '../bus/bus-device.ts';
import type { MachineEvents } from './machine-events.ts';

/** Bit 1: a hard reset rather than one of the CPU alone. */
const SYSTEM_RESET = 0x02;
/** Bit 2: resets when it goes from 0 to 1; here it never stays 1. */
const RESET_CPU = 0x04;

/** One register of one byte. */
export class ResetControl implements BusDevice {
  readonly name = 'reset-control';
  readonly #events: MachineEvents;
  #value = 0;

  constructor(events: MachineEvents) {
    this.#events = events;
  }

  read(_offset: number, size: AccessSize): number {
    return size === 1 ? this.#value : allOnes(size);
  }

  write(_offset: number, size: AccessSize, value: number): void {
    if (size !== 1) {
      return;
    }
    this.#value = value & SYSTEM_RESET;
    if ((value & RESET_CPU) !== 0) {
      this.#events.reset('port 0xcf9');
    }
  }
}
