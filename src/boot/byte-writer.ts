/** Builds the byte tables that a guest reads: zero page, MP table, SMBIOS, ACPI. All fields are little-endian. */
import { assert } from '../base/assert.ts';

/** Appends fields one after another, in the order in which the specification lists them. */
export class ByteWriter {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    const at = this.#reserve(1, value, 0xff);
    this.#view.setUint8(at, value);
    return this;
  }

  u16(value: number): this {
    const at = this.#reserve(2, value, 0xffff);
    this.#view.setUint16(at, value, true);
    return this;
  }

  u32(value: number): this {
    const at = this.#reserve(4, value, 0xffff_ffff);
    this.#view.setUint32(at, value, true);
    return this;
  }

  u64(value: number): this {
    const at = this.#reserve(8, value, Number.MAX_SAFE_INTEGER);
    this.#view.setBigUint64(at, BigInt(value), true);
    return this;
  }

  /** Text without a terminator, padded with zero bytes up to a size where one is given. */
  ascii(text: string, sizeBytes = text.length): this {
    assert(text.length <= sizeBytes, `'${text}' is longer than ${sizeBytes} bytes`);
    return this.bytes(Buffer.from(text, 'latin1')).zeros(sizeBytes - text.length);
  }

  bytes(data: Uint8Array): this {
    const at = this.#reserve(data.length, 0, 0);
    this.#bytes.set(data, at);
    return this;
  }

  zeros(count: number): this {
    this.#reserve(count, 0, 0);
    return this;
  }

  /** Overwrites a byte that was written before, for lengths and checksums. */
  patchU8(offset: number, value: number): this {
    assert(offset < this.#length, `offset ${offset} has not been written`);
    this.#view.setUint8(offset, value);
    return this;
  }

  /** Overwrites 16 bits that were written before. */
  patchU16(offset: number, value: number): this {
    assert(offset + 2 <= this.#length, `offset ${offset} has not been written`);
    this.#view.setUint16(offset, value, true);
    return this;
  }

  /** Overwrites 32 bits that were written before. */
  patchU32(offset: number, value: number): this {
    assert(offset + 4 <= this.#length, `offset ${offset} has not been written`);
    this.#view.setUint32(offset, value, true);
    return this;
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  /** Makes room and returns its offset, after checking that the value fits. */
  #reserve(sizeBytes: number, value: number, max: number): number {
    assert(
      Number.isInteger(value) && value >= 0 && value <= max,
      `${value} does not fit into ${sizeBytes} bytes`,
    );
    const at = this.#length;
    if (at + sizeBytes > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#bytes.length * 2, at + sizeBytes));
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    this.#length = at + sizeBytes;
    return at;
  }
}

/** The byte that, added to these, makes their sum a multiple of 256: every firmware table has one. */
export function checksumOf(bytes: Uint8Array): number {
  let sum = 0;
  for (const byte of bytes) {
    sum = (sum + byte) % 256;
  }
  return (256 - sum) % 256;
}
