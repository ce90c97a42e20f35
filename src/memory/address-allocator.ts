/** Hands out aligned addresses of one window, upwards; for what the machine places once, BARs for example. */
import { HostError } from '../base/errors.ts';

/** A window of guest-physical addresses or of I/O ports. */
export class AddressAllocator {
  readonly #name: string;
  readonly #end: number;
  #next: number;

  /**
   * @param name for the error message, `32-bit BARs` for example.
   * @param start first address of the window.
   * @param sizeBytes its size.
   */
  constructor(name: string, start: number, sizeBytes: number) {
    this.#name = name;
    this.#next = start;
    this.#end = start + sizeBytes;
  }

  /**
   * The lowest address that is left.
   *
   * @param alignment a power of two.
   * @throws ERR_ADDRESS_SPACE_FULL
   */
  allocate(sizeBytes: number, alignment: number): number {
    // By division: the operands may have more than 32 bits.
    const start = Math.ceil(this.#next / alignment) * alignment;
    if (start + sizeBytes > this.#end) {
      throw new HostError(
        'ERR_ADDRESS_SPACE_FULL',
        `the address window of ${this.#name} has no room for ${sizeBytes} bytes more; use fewer devices`,
      );
    }
    this.#next = start + sizeBytes;
    return start;
  }
}
