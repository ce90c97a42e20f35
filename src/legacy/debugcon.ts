/** The debug console of firmware and early kernels: one port, each byte written to it is output. */
import { type AccessSize, allOnes, type BusDevice } from '../bus/bus-device.ts';
import type { SerialSink } from './serial.ts';

/** Where firmware writes its log. */
export const DEBUGCON_PORT = 0x402;
/** What a guest reads to find out that the device is there. */
const PRESENT = 0xe9;

/** One port of one byte. It cannot make a guest wait: what its sink does not take is lost, and counted. */
export class Debugcon implements BusDevice {
  readonly name = 'debugcon';
  lostBytes = 0;
  readonly interruptsForOutput = false;
  readonly #sink: SerialSink;

  constructor(sink: SerialSink) {
    this.#sink = sink;
  }

  read(_offset: number, size: AccessSize): number {
    return size === 1 ? PRESENT : allOnes(size);
  }

  write(_offset: number, size: AccessSize, value: number): void {
    if (size === 1) {
      this.writeCollected(value);
    }
  }

  /** A write of one byte, carried out when the guest does not wait for it. */
  writeCollected(value: number): void {
    if (!this.#sink.write(value)) {
      this.lostBytes++;
    }
  }
}
