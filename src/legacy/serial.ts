/**
 * A 16550A UART (National Semiconductor PC16550D): what an 8250 driver probes for, and a console without a baud rate.
 *
 * ```ts
 * const com1 = new Serial({ name: 'serial0', sink, interrupt });
 * ioBus.insert({ start: 0x3f8, sizeBytes: Serial.PORT_COUNT }, com1);
 * com1.queueInput(bytes);       // from the terminal; returns how many bytes it took
 * com1.onSinkWritable();        // after the sink had been full
 * ```
 *
 * | offset | read       | write    | while DLAB (LCR bit 7) is set |
 * | ------ | ---------- | -------- | ----------------------------- |
 * | 0      | RBR        | THR      | divisor, low byte             |
 * | 1      | IER        | IER      | divisor, high byte            |
 * | 2      | IIR        | FCR      |                               |
 * | 3      | LCR        | LCR      |                               |
 * | 4      | MCR        | MCR      |                               |
 * | 5      | LSR        |          |                               |
 * | 6      | MSR        |          |                               |
 * | 7      | SCR        | SCR      |                               |
 *
 * Not modelled: time on the wire, parity and framing errors, and the gate that MCR.OUT2 is on the interrupt of a PC,
 * because small guests leave it off.
 */
import { type AccessSize, allOnes, type BusDevice, type InterruptLine } from '../bus/bus-device.ts';
import { COALESCED_RING_ENTRIES } from '../hypervisor/coalesced-ring.ts';
import { ByteQueue } from './byte-queue.ts';

/** Where the guest's output goes. */
export interface SerialSink {
  /** Takes one byte; false when it is full and did not take it. Must not block. */
  write(byte: number): boolean;
}

/** Told what a read of the line status gives, so that it can be answered without asking the port. */
export interface LineStatusBoard {
  /** @param value -1 while the port itself has to be read. */
  publish(value: number): void;
}

export interface SerialOptions {
  readonly name: string;
  readonly sink: SerialSink;
  readonly interrupt: InterruptLine;
  readonly lineStatus?: LineStatusBoard;
}

const DATA = 0;
const IER = 1;
const IIR_FCR = 2;
const LCR = 3;
const MCR = 4;
const LSR = 5;
const MSR = 6;
const SCR = 7;

const IER_RECEIVED_DATA = 0x01;
const IER_THR_EMPTY = 0x02;
const IER_LINE_STATUS = 0x04;
const IER_BITS = 0x0f;

const IIR_NONE = 0x01;
const IIR_THR_EMPTY = 0x02;
const IIR_RECEIVED_DATA = 0x04;
const IIR_LINE_STATUS = 0x06;
const IIR_CHARACTER_TIMEOUT = 0x0c;
const IIR_FIFOS_ENABLED = 0xc0;

const FCR_ENABLE = 0x01;
const FCR_CLEAR_RECEIVE = 0x02;
const FCR_CLEAR_TRANSMIT = 0x04;
/** Receive trigger levels that FCR bits 7..6 choose from. */
const TRIGGER_LEVELS = [1, 4, 8, 14] as const;

const LCR_DLAB = 0x80;

const MCR_DTR = 0x01;
const MCR_RTS = 0x02;
const MCR_OUT1 = 0x04;
const MCR_OUT2 = 0x08;
const MCR_LOOP = 0x10;
const MCR_BITS = 0x1f;

const LSR_DATA_READY = 0x01;
const LSR_OVERRUN = 0x02;
const LSR_THR_EMPTY = 0x20;
const LSR_TRANSMITTER_EMPTY = 0x40;

const MSR_CTS = 0x10;
const MSR_DSR = 0x20;
const MSR_RI = 0x40;
const MSR_DCD = 0x80;

const FIFO_BYTES = 16;
/**
 * What the transmitter holds while its sink is full: a FIFO, and the writes that were collected before the guest
 * could see that.
 */
const TRANSMIT_BYTES = FIFO_BYTES + COALESCED_RING_ENTRIES;
/** Input that waits for the guest: a screenful of paste. */
const HOST_INPUT_BYTES = 4096;
/** 9600 baud. */
const DEFAULT_DIVISOR = 12;

/** One serial port. */
export class Serial implements BusDevice {
  static readonly PORT_COUNT = 8;
  /** Offset of the register that a read of which {@link LineStatusBoard} answers. */
  static readonly LINE_STATUS = LSR;
  readonly name: string;
  /** Bytes that the guest wrote while the transmitter was full. */
  lostOutputBytes = 0;
  /** Bytes that loopback pushed into a full receiver. */
  overrunBytes = 0;
  readonly #sink: SerialSink;
  readonly #interrupt: InterruptLine;
  readonly #receive = new ByteQueue(FIFO_BYTES);
  /** What the sink has not taken yet; empty while it keeps up. */
  readonly #transmit = new ByteQueue(TRANSMIT_BYTES);
  readonly #hostInput = new ByteQueue(HOST_INPUT_BYTES);
  #interruptEnable = 0;
  #fifoControl = 0;
  #lineControl = 0;
  #modemControl = 0;
  #scratch = 0;
  #divisor = DEFAULT_DIVISOR;
  #hasOverrun = false;
  /** The transmitter became empty, or its interrupt was enabled while it was, and the guest has not seen it yet. */
  #thrEmptyPending = false;
  #isAsserted = false;
  readonly #lineStatus: LineStatusBoard | undefined;
  #publishedStatus = -1;

  constructor(options: SerialOptions) {
    this.name = options.name;
    this.#sink = options.sink;
    this.#interrupt = options.interrupt;
    this.#lineStatus = options.lineStatus;
    this.#update();
  }

  /** Room for input, in bytes. */
  get inputSpace(): number {
    return this.#hostInput.capacity - this.#hostInput.length;
  }

  /**
   * Takes input from the host as far as there is room.
   *
   * @returns how many bytes it took; keep the rest until {@link inputSpace} grows.
   */
  queueInput(bytes: Uint8Array): number {
    let count = 0;
    for (const byte of bytes) {
      if (!this.#hostInput.push(byte)) {
        break;
      }
      count++;
    }
    this.#refillReceiver();
    this.#update();
    return count;
  }

  /** The sink has room again after it refused a byte. */
  onSinkWritable(): void {
    if (this.#transmit.length > 0) {
      this.#drainTransmitter();
      this.#update();
    }
  }

  read(offset: number, size: AccessSize): number {
    if (size !== 1) {
      return allOnes(size);
    }
    const value = this.#readRegister(offset);
    this.#update();
    return value;
  }

  write(offset: number, size: AccessSize, value: number): void {
    if (size === 1) {
      this.#writeRegister(offset, value);
      this.#update();
    }
  }

  /** True while the guest may wait for the transmitter's interrupt, or in loopback for the receiver's. */
  get interruptsForOutput(): boolean {
    return this.#isLoopback || (this.#interruptEnable & IER_THR_EMPTY) !== 0;
  }

  /** A write to the data register that was not carried out at once; the guest has seen the status from before it. */
  writeCollected(value: number): void {
    this.#writeRegister(DATA, value);
    this.#update();
  }

  #readRegister(offset: number): number {
    switch (offset) {
      case DATA:
        return this.#hasDivisorAccess ? this.#divisor & 0xff : this.#readData();
      case IER:
        return this.#hasDivisorAccess ? this.#divisor >>> 8 : this.#interruptEnable;
      case IIR_FCR:
        return this.#readInterruptIdentification();
      case LCR:
        return this.#lineControl;
      case MCR:
        return this.#modemControl;
      case LSR:
        return this.#readLineStatus();
      case MSR:
        return this.#modemStatus();
      case SCR:
        return this.#scratch;
      default:
        return allOnes(1);
    }
  }

  #writeRegister(offset: number, value: number): void {
    switch (offset) {
      case DATA:
        if (this.#hasDivisorAccess) {
          this.#divisor = (this.#divisor & 0xff00) | value;
        } else {
          this.#writeData(value);
        }
        break;
      case IER:
        if (this.#hasDivisorAccess) {
          this.#divisor = (this.#divisor & 0x00ff) | (value << 8);
        } else {
          this.#writeInterruptEnable(value & IER_BITS);
        }
        break;
      case IIR_FCR:
        this.#writeFifoControl(value);
        break;
      case LCR:
        this.#lineControl = value;
        break;
      case MCR:
        this.#modemControl = value & MCR_BITS;
        this.#refillReceiver();
        break;
      case SCR:
        this.#scratch = value;
        break;
    }
  }

  get #hasDivisorAccess(): boolean {
    return (this.#lineControl & LCR_DLAB) !== 0;
  }

  get #isLoopback(): boolean {
    return (this.#modemControl & MCR_LOOP) !== 0;
  }

  #readData(): number {
    const byte = this.#receive.shift() ?? 0;
    this.#refillReceiver();
    return byte;
  }

  #refillReceiver(): void {
    // In loopback the line from outside is cut.
    while (!this.#isLoopback && this.#receive.length < FIFO_BYTES) {
      const byte = this.#hostInput.shift();
      if (byte === undefined) {
        return;
      }
      this.#receive.push(byte);
    }
  }

  #writeData(byte: number): void {
    this.#thrEmptyPending = false;
    if (this.#isLoopback) {
      if (!this.#receive.push(byte)) {
        this.#hasOverrun = true;
        this.overrunBytes++;
      }
      this.#thrEmptyPending = true;
      return;
    }
    if (!this.#transmit.push(byte)) {
      this.lostOutputBytes++;
      return;
    }
    this.#drainTransmitter();
  }

  #drainTransmitter(): void {
    for (let byte = this.#transmit.peek(); byte !== undefined; byte = this.#transmit.peek()) {
      if (!this.#sink.write(byte)) {
        return;
      }
      this.#transmit.shift();
    }
    this.#thrEmptyPending = true;
  }

  #writeInterruptEnable(value: number): void {
    const isNewlyEnabled = (value & ~this.#interruptEnable & IER_THR_EMPTY) !== 0;
    this.#interruptEnable = value;
    // An 8250 driver starts its output, and tests for broken UARTs, by enabling this with an empty transmitter.
    if (isNewlyEnabled && this.#transmit.length === 0) {
      this.#thrEmptyPending = true;
    }
  }

  #writeFifoControl(value: number): void {
    const isToggled = ((value ^ this.#fifoControl) & FCR_ENABLE) !== 0;
    this.#fifoControl = value;
    if (isToggled || (value & FCR_CLEAR_RECEIVE) !== 0) {
      this.#receive.clear();
      this.#refillReceiver();
    }
    if ((value & FCR_CLEAR_TRANSMIT) !== 0 && this.#transmit.length > 0) {
      this.lostOutputBytes += this.#transmit.length;
      this.#transmit.clear();
      this.#thrEmptyPending = true;
    }
  }

  /** What IIR bits 3..0 say now, the most urgent source first. */
  #interruptSource(): number {
    const enabled = this.#interruptEnable;
    if ((enabled & IER_LINE_STATUS) !== 0 && this.#hasOverrun) {
      return IIR_LINE_STATUS;
    }
    if ((enabled & IER_RECEIVED_DATA) !== 0 && this.#receive.length > 0) {
      const isBelowTrigger = this.#receive.length < this.#triggerLevel;
      return isBelowTrigger ? IIR_CHARACTER_TIMEOUT : IIR_RECEIVED_DATA;
    }
    if ((enabled & IER_THR_EMPTY) !== 0 && this.#thrEmptyPending) {
      return IIR_THR_EMPTY;
    }
    return IIR_NONE;
  }

  get #triggerLevel(): number {
    return this.#isFifoEnabled ? (TRIGGER_LEVELS[this.#fifoControl >>> 6] ?? 1) : 1;
  }

  get #isFifoEnabled(): boolean {
    return (this.#fifoControl & FCR_ENABLE) !== 0;
  }

  #readInterruptIdentification(): number {
    const source = this.#interruptSource();
    if (source === IIR_THR_EMPTY) {
      this.#thrEmptyPending = false;
    }
    return source | (this.#isFifoEnabled ? IIR_FIFOS_ENABLED : 0);
  }

  #readLineStatus(): number {
    const overrun = this.#hasOverrun ? LSR_OVERRUN : 0;
    this.#hasOverrun = false;
    return overrun | this.#lineStatusBits();
  }

  /** Those that a read leaves as they are. */
  #lineStatusBits(): number {
    let value = 0;
    if (this.#receive.length > 0) {
      value |= LSR_DATA_READY;
    }
    if (this.#transmit.length === 0) {
      value |= LSR_THR_EMPTY | LSR_TRANSMITTER_EMPTY;
    }
    return value;
  }

  #modemStatus(): number {
    if (!this.#isLoopback) {
      return MSR_DCD | MSR_DSR | MSR_CTS;
    }
    const control = this.#modemControl;
    return (
      ((control & MCR_DTR) !== 0 ? MSR_DSR : 0) |
      ((control & MCR_RTS) !== 0 ? MSR_CTS : 0) |
      ((control & MCR_OUT1) !== 0 ? MSR_RI : 0) |
      ((control & MCR_OUT2) !== 0 ? MSR_DCD : 0)
    );
  }

  /** After whatever may have changed what the guest can see without asking: first the status, then the interrupt. */
  #update(): void {
    // In loopback it depends on writes that may not have come here yet.
    const status = this.#hasOverrun || this.#isLoopback ? -1 : this.#lineStatusBits();
    if (status !== this.#publishedStatus) {
      this.#publishedStatus = status;
      this.#lineStatus?.publish(status);
    }
    const isAsserted = this.#interruptSource() !== IIR_NONE;
    if (isAsserted !== this.#isAsserted) {
      this.#isAsserted = isAsserted;
      this.#interrupt.setLevel(isAsserted);
    }
  }
}
