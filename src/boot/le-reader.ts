/** Little-endian fields of a header that was read from a file. */

/** Reads fields of a byte array at fixed offsets; the caller has checked that they lie inside. */
export class LeReader {
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u8(offset: number): number {
    return this.#view.getUint8(offset);
  }

  u16(offset: number): number {
    return this.#view.getUint16(offset, true);
  }

  u32(offset: number): number {
    return this.#view.getUint32(offset, true);
  }

  /**
   * A 64-bit address or size as a number: exact below 2^53, and above that still larger than any address or file,
   * so that a range check refuses it.
   */
  u64(offset: number): number {
    return this.u32(offset) + this.u32(offset + 4) * 2 ** 32;
  }

  /** All 64 bits, for virtual addresses of the upper half. */
  u64Exact(offset: number): bigint {
    return this.#view.getBigUint64(offset, true);
  }
}
