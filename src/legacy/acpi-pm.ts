/**
 * ACPI's fixed hardware (ACPI 6.5 §4.8.3): the PM1a event and control registers, behind the power button and S5.
 *
 * ```ts
 * const pm = new AcpiPm(events, sciLine);
 * ioBus.insert({ start: pmBase, sizeBytes: AcpiPm.PORT_COUNT }, pm);
 * pm.pressPowerButton();
 * ```
 *
 * | offset | bits | register                                                         |
 * | ------ | ---- | ---------------------------------------------------------------- |
 * | 0      | 16   | PM1 status: a bit is cleared by writing one                      |
 * | 2      | 16   | PM1 enable: which status bits raise the SCI                      |
 * | 4      | 16   | PM1 control: SCI_EN (always set), SLP_TYP, SLP_EN (reads as zero) |
 *
 * There is no SMI command port, so the machine is always in ACPI mode; no timer, no GPEs, and no sleep state but S5.
 */
import {
  PM1_CONTROL_BYTES,
  PM1_CONTROL_OFFSET,
  PM1_EVENT_OFFSET,
  S5_SLEEP_TYPE,
} from '../boot/platform.ts';
import { type AccessSize, type BusDevice, type InterruptLine } from '../bus/bus-device.ts';
import type { MachineEvents } from './machine-events.ts';

const STATUS_POWER_BUTTON = 0x0100;
const STATUS_SLEEP_BUTTON = 0x0200;
const STATUS_GLOBAL_LOCK = 0x0020;
const STATUS_CLOCK_ALARM = 0x0400;
/** Fixed events. Nothing here raises the last two, but ACPICA gives up on what it cannot enable. */
const EVENTS = STATUS_POWER_BUTTON | STATUS_SLEEP_BUTTON | STATUS_GLOBAL_LOCK | STATUS_CLOCK_ALARM;
const CONTROL_SCI_ENABLED = 0x0001;
const CONTROL_SLEEP_TYPE = 0x1c00;
const CONTROL_SLEEP_TYPE_SHIFT = 10;
const CONTROL_SLEEP_ENABLE = 0x2000;

const STATUS = PM1_EVENT_OFFSET;
const ENABLE = PM1_EVENT_OFFSET + 2;
const CONTROL = PM1_CONTROL_OFFSET;

/** The PM1a register block. */
export class AcpiPm implements BusDevice {
  static readonly PORT_COUNT = PM1_CONTROL_OFFSET + PM1_CONTROL_BYTES;
  readonly name = 'acpi-pm';
  /** Times a guest asked for a sleep state that there is not. */
  refusedSleeps = 0;
  readonly #events: MachineEvents;
  readonly #sci: InterruptLine;
  #status = 0;
  #enable = 0;
  #sleepType = 0;

  /** @param sci the line of ACPI's system control interrupt. */
  constructor(events: MachineEvents, sci: InterruptLine) {
    this.#events = events;
    this.#sci = sci;
  }

  /** Asks the guest to shut down. */
  pressPowerButton(): void {
    this.#raise(STATUS_POWER_BUTTON);
  }

  pressSleepButton(): void {
    this.#raise(STATUS_SLEEP_BUTTON);
  }

  read(offset: number, size: AccessSize): number {
    let value = 0;
    for (let index = size - 1; index >= 0; index--) {
      value = value * 0x100 + this.#readByte(offset + index);
    }
    return value;
  }

  /** Registers may be written whole, in bytes, or two at once; the bytes that are not written keep their bits. */
  write(offset: number, size: AccessSize, value: number): void {
    for (let index = 0; index < size; index++) {
      const at = offset + index;
      const shift = 8 * (at % 2);
      const byte = (value >>> (8 * index)) & 0xff;
      this.#writePart(at - (at % 2), byte << shift, 0xff << shift);
    }
  }

  #readByte(offset: number): number {
    const register = this.#register(offset - (offset % 2));
    return (register >>> (8 * (offset % 2))) & 0xff;
  }

  #register(offset: number): number {
    switch (offset) {
      case STATUS:
        return this.#status;
      case ENABLE:
        return this.#enable;
      case CONTROL:
        return CONTROL_SCI_ENABLED | (this.#sleepType << CONTROL_SLEEP_TYPE_SHIFT);
      default:
        return 0xffff;
    }
  }

  /** @param mask the bits of the register that are written. */
  #writePart(offset: number, value: number, mask: number): void {
    switch (offset) {
      case STATUS:
        this.#status &= ~value;
        this.#updateSci();
        break;
      case ENABLE:
        this.#enable = ((this.#enable & ~mask) | value) & EVENTS;
        this.#updateSci();
        break;
      case CONTROL:
        if ((mask & CONTROL_SLEEP_TYPE) !== 0) {
          this.#writeSleep(value);
        }
        break;
    }
  }

  #writeSleep(value: number): void {
    this.#sleepType = (value & CONTROL_SLEEP_TYPE) >>> CONTROL_SLEEP_TYPE_SHIFT;
    if ((value & CONTROL_SLEEP_ENABLE) === 0) {
      return;
    }
    if (this.#sleepType === S5_SLEEP_TYPE) {
      this.#events.powerOff();
    } else {
      this.refusedSleeps++;
    }
  }

  #raise(status: number): void {
    this.#status |= status;
    this.#updateSci();
  }

  #updateSci(): void {
    this.#sci.setLevel((this.#status & this.#enable) !== 0);
  }
}
