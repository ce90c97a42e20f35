/**
 * The real-time clock and its battery-backed memory (Motorola MC146818A) at ports 0x70 and 0x71.
 *
 * ```ts
 * const cmos = new Cmos({ lowRamBytes, highRamBytes, interrupt });
 * ioBus.insert({ start: 0x70, sizeBytes: 2 }, cmos);
 * cmos.onTimer();               // when cmos.alarmAt (milliseconds of the host's clock) has come; onAlarmChanged tells it
 * ```
 *
 * The clock is the host's, in UTC; what a guest writes into it is kept as an offset. The alarm works; the periodic
 * and the update-ended interrupt do not, their enable bits stay clear.
 */
import { type AccessSize, allOnes, type BusDevice, type InterruptLine } from '../bus/bus-device.ts';

export interface CmosOptions {
  /** RAM below 4 GiB. */
  readonly lowRamBytes: number;
  /** RAM from 4 GiB. */
  readonly highRamBytes: number;
  /** IRQ 8. */
  readonly interrupt: InterruptLine;
  /** Milliseconds since 1970, UTC. */
  readonly now?: () => number;
  /** Told whenever {@link Cmos.alarmAt} has changed, to set a timer. */
  readonly onAlarmChanged?: (alarmAt: number | undefined) => void;
}

const INDEX_PORT = 0;
const DATA_PORT = 1;
const CMOS_BYTES = 128;

const SECONDS = 0x00;
const ALARM_SECONDS = 0x01;
const MINUTES = 0x02;
const ALARM_MINUTES = 0x03;
const HOURS = 0x04;
const ALARM_HOURS = 0x05;
const DAY_OF_WEEK = 0x06;
const DAY_OF_MONTH = 0x07;
const MONTH = 0x08;
const YEAR = 0x09;
const REGISTER_A = 0x0a;
const REGISTER_B = 0x0b;
const REGISTER_C = 0x0c;
const REGISTER_D = 0x0d;
const CENTURY = 0x32;
/** RAM from 16 MiB to 4 GiB in units of 64 KiB, two bytes; what SeaBIOS reads. */
const LOW_MEMORY = 0x34;
/** RAM from 4 GiB in units of 64 KiB, three bytes. */
const HIGH_MEMORY = 0x5b;

/** 32.768 kHz time base, 1024 Hz rate; the update-in-progress bit stays clear. */
const A_DEFAULT = 0x26;
const B_SET = 0x80;
const B_ALARM_ENABLE = 0x20;
const B_BINARY = 0x04;
const B_24_HOURS = 0x02;
const B_WRITABLE = B_SET | B_ALARM_ENABLE | B_BINARY | B_24_HOURS;
const C_INTERRUPT = 0x80;
const C_ALARM = 0x20;
/** The battery is fine. */
const D_VALID = 0x80;

const HOUR_PM = 0x80;
/** An alarm byte with both upper bits set matches every value. */
const ALARM_ANY = 0xc0;
const SECONDS_OF_DAY = 86_400;

const MEMORY_UNIT_BYTES = 64 * 1024;
const SIXTEEN_MIB = 16 * 1024 * 1024;

/** Clock and memory size bytes. */
export class Cmos implements BusDevice {
  readonly name = 'cmos';
  readonly #memory = new Uint8Array(CMOS_BYTES);
  readonly #interrupt: InterruptLine;
  readonly #now: () => number;
  readonly #onAlarmChanged: (alarmAt: number | undefined) => void;
  #index = 0;
  /** Guest's clock minus host's, in milliseconds. */
  #offsetMs = 0;
  #alarmAt: number | undefined;

  constructor(options: CmosOptions) {
    this.#interrupt = options.interrupt;
    this.#now = options.now ?? Date.now;
    this.#onAlarmChanged = options.onAlarmChanged ?? (() => undefined);
    this.#memory[REGISTER_A] = A_DEFAULT;
    this.#memory[REGISTER_B] = B_24_HOURS;
    this.#memory[REGISTER_D] = D_VALID;
    const above16MiB = Math.max(0, options.lowRamBytes - SIXTEEN_MIB);
    this.#storeMemorySize(LOW_MEMORY, 2, above16MiB);
    this.#storeMemorySize(HIGH_MEMORY, 3, options.highRamBytes);
  }

  /** When the alarm is due, in milliseconds of the host's clock; `undefined` while it is off. */
  get alarmAt(): number | undefined {
    return this.#alarmAt;
  }

  /** The host's clock has reached {@link alarmAt}. */
  onTimer(): void {
    if (this.#alarmAt === undefined || this.#now() < this.#alarmAt) {
      return;
    }
    this.#memory[REGISTER_C] = C_INTERRUPT | C_ALARM;
    this.#interrupt.setLevel(true);
    this.#scheduleAlarm();
  }

  read(offset: number, size: AccessSize): number {
    if (size !== 1 || offset !== DATA_PORT) {
      return allOnes(size);
    }
    if (this.#index === REGISTER_C) {
      const value = this.#byte(REGISTER_C);
      this.#memory[REGISTER_C] = 0;
      this.#interrupt.setLevel(false);
      return value;
    }
    if (isTime(this.#index) && (this.#byte(REGISTER_B) & B_SET) === 0) {
      this.#updateTime();
    }
    return this.#byte(this.#index);
  }

  write(offset: number, size: AccessSize, value: number): void {
    if (size !== 1) {
      return;
    }
    if (offset === INDEX_PORT) {
      // Bit 7 masks the NMI, which this machine has not got.
      this.#index = value & (CMOS_BYTES - 1);
    } else if (offset === DATA_PORT) {
      this.#writeData(value);
    }
  }

  #writeData(value: number): void {
    const index = this.#index;
    switch (index) {
      case REGISTER_C:
      case REGISTER_D:
        return;
      case REGISTER_A:
        this.#memory[REGISTER_A] = value & 0x7f;
        return;
      case REGISTER_B:
        this.#writeRegisterB(value & B_WRITABLE);
        return;
      default:
        this.#writeMemory(index, value);
    }
  }

  #writeRegisterB(value: number): void {
    const before = this.#byte(REGISTER_B);
    if ((value & ~before & B_SET) !== 0) {
      // The guest sets the clock: the registers hold still at the present time until it is done.
      this.#updateTime();
    }
    this.#memory[REGISTER_B] = value;
    if ((before & ~value & B_SET) !== 0) {
      this.#setClock();
    }
    this.#scheduleAlarm();
  }

  #writeMemory(index: number, value: number): void {
    const isClockByte = isTime(index);
    const isHeld = (this.#byte(REGISTER_B) & B_SET) !== 0;
    if (isClockByte && !isHeld) {
      this.#updateTime();
    }
    this.#memory[index] = value;
    if (isClockByte && !isHeld) {
      this.#setClock();
    }
    if (index === ALARM_SECONDS || index === ALARM_MINUTES || index === ALARM_HOURS) {
      this.#scheduleAlarm();
    }
  }

  #byte(index: number): number {
    return this.#memory[index] ?? 0;
  }

  #updateTime(): void {
    const time = new Date(this.#now() + this.#offsetMs);
    const year = time.getUTCFullYear();
    this.#memory[SECONDS] = this.#encode(time.getUTCSeconds());
    this.#memory[MINUTES] = this.#encode(time.getUTCMinutes());
    this.#memory[HOURS] = this.#encodeHours(time.getUTCHours());
    this.#memory[DAY_OF_WEEK] = this.#encode(time.getUTCDay() + 1);
    this.#memory[DAY_OF_MONTH] = this.#encode(time.getUTCDate());
    this.#memory[MONTH] = this.#encode(time.getUTCMonth() + 1);
    this.#memory[YEAR] = this.#encode(year % 100);
    this.#memory[CENTURY] = this.#encode(Math.floor(year / 100));
  }

  #setClock(): void {
    const year = this.#decode(CENTURY) * 100 + this.#decode(YEAR);
    const time = Date.UTC(
      year,
      this.#decode(MONTH) - 1,
      this.#decode(DAY_OF_MONTH),
      this.#decodeHours(HOURS),
      this.#decode(MINUTES),
      this.#decode(SECONDS),
    );
    this.#offsetMs = time - this.#now();
    this.#scheduleAlarm();
  }

  get #isBinary(): boolean {
    return (this.#byte(REGISTER_B) & B_BINARY) !== 0;
  }

  #encode(value: number): number {
    return this.#isBinary ? value : (Math.floor(value / 10) << 4) | (value % 10);
  }

  #decode(index: number): number {
    return this.#decodeValue(this.#byte(index));
  }

  #decodeValue(value: number): number {
    return this.#isBinary ? value : (value >>> 4) * 10 + (value & 0xf);
  }

  #encodeHours(hours: number): number {
    if ((this.#byte(REGISTER_B) & B_24_HOURS) !== 0) {
      return this.#encode(hours);
    }
    const twelve = hours % 12 === 0 ? 12 : hours % 12;
    return this.#encode(twelve) | (hours >= 12 ? HOUR_PM : 0);
  }

  #decodeHours(index: number): number {
    const byte = this.#byte(index);
    if ((this.#byte(REGISTER_B) & B_24_HOURS) !== 0) {
      return this.#decodeValue(byte);
    }
    const hours = this.#decodeValue(byte & ~HOUR_PM) % 12;
    return (byte & HOUR_PM) !== 0 ? hours + 12 : hours;
  }

  #scheduleAlarm(): void {
    const before = this.#alarmAt;
    this.#alarmAt = this.#nextAlarm();
    if (this.#alarmAt !== before) {
      this.#onAlarmChanged(this.#alarmAt);
    }
  }

  /** The next second of the coming day that the alarm bytes match, on the host's clock. */
  #nextAlarm(): number | undefined {
    if ((this.#byte(REGISTER_B) & (B_ALARM_ENABLE | B_SET)) !== B_ALARM_ENABLE) {
      return undefined;
    }
    const hours = this.#alarmField(ALARM_HOURS, this.#decodeHours(ALARM_HOURS));
    const minutes = this.#alarmField(ALARM_MINUTES, this.#decode(ALARM_MINUTES));
    const seconds = this.#alarmField(ALARM_SECONDS, this.#decode(ALARM_SECONDS));
    const guestSecond = Math.floor((this.#now() + this.#offsetMs) / 1000);
    // Twice, because a guest may have set a year before 1970.
    const secondOfDay = ((guestSecond % SECONDS_OF_DAY) + SECONDS_OF_DAY) % SECONDS_OF_DAY;
    const wait = secondsUntil(secondOfDay, hours, minutes, seconds);
    return wait === undefined ? undefined : (guestSecond + wait) * 1000 - this.#offsetMs;
  }

  /** `undefined` stands for every value. */
  #alarmField(index: number, decoded: number): number | undefined {
    return (this.#byte(index) & ALARM_ANY) === ALARM_ANY ? undefined : decoded;
  }

  #storeMemorySize(index: number, width: number, sizeBytes: number): void {
    const units = Math.min(Math.floor(sizeBytes / MEMORY_UNIT_BYTES), 2 ** (8 * width) - 1);
    for (let byte = 0; byte < width; byte++) {
      this.#memory[index + byte] = (units >>> (8 * byte)) & 0xff;
    }
  }
}

function isTime(index: number): boolean {
  const isAlarm = index === ALARM_SECONDS || index === ALARM_MINUTES || index === ALARM_HOURS;
  return (index <= YEAR && !isAlarm) || index === CENTURY;
}

/**
 * Seconds from now until the time of day that all three fields match, at least 1 and at most a day.
 *
 * @returns `undefined` when no time of day does.
 */
function secondsUntil(
  secondOfDay: number,
  hours: number | undefined,
  minutes: number | undefined,
  seconds: number | undefined,
): number | undefined {
  if ((hours ?? 0) > 23 || (minutes ?? 0) > 59 || (seconds ?? 0) > 59) {
    return undefined;
  }
  const matches = (wanted: number | undefined, value: number): boolean =>
    wanted === undefined || wanted === value;
  let wait = 1;
  while (wait <= SECONDS_OF_DAY) {
    const second = (secondOfDay + wait) % SECONDS_OF_DAY;
    if (!matches(hours, Math.floor(second / 3600))) {
      // Straight to the next hour: at most 24 + 60 + 60 steps in all.
      wait += 3600 - (second % 3600);
    } else if (!matches(minutes, Math.floor(second / 60) % 60)) {
      wait += 60 - (second % 60);
    } else if (!matches(seconds, second % 60)) {
      wait++;
    } else {
      return wait;
    }
  }
  return undefined;
}
