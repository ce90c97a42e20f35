/**
 * Port registers that a vCPU's thread may answer by itself: reading them changes nothing, and the machine thread
 * publishes what they hold.
 *
 * One 32-bit word a port, zero for a port that has to be asked for. The words are shared by all vCPUs.
 */

/** The serial ports lie in here; the rest of the range costs a few words. */
const FIRST_PORT = 0x2e8;
const PORT_COUNT = 0x400 - FIRST_PORT;
/** Set beside a value, so that 0 can be published, too. */
const PUBLISHED = 0x100;

export const PUBLISHED_PORTS_BYTES = 4 * PORT_COUNT;

export class PublishedPorts {
  readonly #words: Int32Array;

  /** @param byteOffset of {@link PUBLISHED_PORTS_BYTES} zeroed bytes; a multiple of 4. */
  constructor(buffer: SharedArrayBuffer, byteOffset: number) {
    this.#words = new Int32Array(buffer, byteOffset, PORT_COUNT);
  }

  /** True for a port that can be published here. */
  static covers(port: number): boolean {
    return port >= FIRST_PORT && port < FIRST_PORT + PORT_COUNT;
  }

  /**
   * Machine thread: what a one-byte read gives from now on, or -1 when it must be asked again.
   *
   * ORDER: before the reply or the interrupt from which the guest knows that the register has changed.
   *
   * @param port one that {@link covers} says yes to.
   */
  publish(port: number, value: number): void {
    Atomics.store(this.#words, port - FIRST_PORT, value < 0 ? 0 : PUBLISHED | value);
  }

  /** vCPU: what a one-byte read of a port gives, or -1 when the machine thread has to be asked. */
  read(port: number): number {
    if (port < FIRST_PORT || port >= FIRST_PORT + PORT_COUNT) {
      return -1;
    }
    const word = Atomics.load(this.#words, port - FIRST_PORT);
    return word === 0 ? -1 : word & 0xff;
  }
}
