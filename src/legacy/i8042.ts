/**
 * The keyboard controller at ports 0x60 to 0x64, of which only the reset line works: command 0xfe ends the machine.
 *
 * ```ts
 * const i8042 = new I8042(events);
 * ioBus.insert({ start: I8042.DATA_PORT, sizeBytes: 1 }, i8042.data);
 * ioBus.insert({ start: I8042.COMMAND_PORT, sizeBytes: 1 }, i8042.command);
 * ```
 *
 * The status says that there is always a byte to be read and always room for a command. A driver that empties the
 * output buffer before anything else gives up after a few reads ("no controller"), where silence would cost Linux
 * half a second of polling; and a driver that only waits for room before command 0xfe finds it at once. Port 0x61
 * between the two belongs to the timer.
 */
import { type AccessSize, allOnes, type BusDevice } from '../bus/bus-device.ts';
import type { MachineEvents } from './machine-events.ts';

/** Command that pulses the reset line low. */
const PULSE_RESET = 0xfe;
/** Output buffer full (bit 0), input buffer empty (bit 1 clear). */
const STATUS = 0x01;

class DataPort implements BusDevice {
  readonly name = 'i8042-data';

  read(_offset: number, size: AccessSize): number {
    return allOnes(size);
  }

  write(): void {
    // A byte for a keyboard that is not there.
  }
}

class CommandPort implements BusDevice {
  readonly name = 'i8042-command';
  readonly #events: MachineEvents;

  constructor(events: MachineEvents) {
    this.#events = events;
  }

  read(_offset: number, size: AccessSize): number {
    return size === 1 ? STATUS : allOnes(size);
  }

  write(_offset: number, size: AccessSize, value: number): void {
    if (size === 1 && value === PULSE_RESET) {
      this.#events.reset('i8042');
    }
  }
}

/** The two ports. */
export class I8042 {
  static readonly DATA_PORT = 0x60;
  static readonly COMMAND_PORT = 0x64;
  readonly data: BusDevice = new DataPort();
  readonly command: BusDevice;

  constructor(events: MachineEvents) {
    this.command = new CommandPort(events);
  }
}
