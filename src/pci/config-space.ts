/**
 * Configuration space of one function: bytes, the masks that say what software may change, and the parts of the
 * device that stand behind some of them.
 *
 * Knows nothing of buses: {@link ./config-access.ts} finds the function, {@link ./bar.ts} gives base addresses a
 * meaning.
 */
import { assert } from '../base/assert.ts';
import { type AccessSize, allOnes } from '../bus/bus-device.ts';
import { PCIE_CONFIG_BYTES, TYPE0_HEADER } from './registers.ts';

/** A part of a device behind some registers. Called with the access as it was made, in the machine thread. */
export interface ConfigHook {
  /** Brings bytes up to date before software reads them. */
  beforeRead?(offset: number, size: AccessSize): void;
  /** Acts on what software has just written. */
  afterWrite?(offset: number, size: AccessSize): void;
}

interface HookedRange {
  readonly start: number;
  readonly end: number;
  readonly hook: ConfigHook;
}

/** 4 KiB of registers, little-endian. Ports 0xcf8 and 0xcfc reach the first 256 bytes of them. */
export class ConfigSpace {
  readonly #bytes = new Uint8Array(PCIE_CONFIG_BYTES);
  readonly #writable = new Uint8Array(PCIE_CONFIG_BYTES);
  readonly #writeOneToClear = new Uint8Array(PCIE_CONFIG_BYTES);
  readonly #hooks: HookedRange[] = [];

  constructor() {
    for (const register of TYPE0_HEADER) {
      this.setWritable(register.offset, register.width, register.writable ?? 0);
      store(this.#writeOneToClear, register.offset, register.width, register.writeOneToClear ?? 0);
    }
  }

  /** Software's read. */
  read(offset: number, size: AccessSize): number {
    if (!isInside(offset, size)) {
      return allOnes(size);
    }
    for (const { start, end, hook } of this.#hooks) {
      if (offset < end && offset + size > start) {
        hook.beforeRead?.(offset, size);
      }
    }
    return this.get(offset, size);
  }

  /** Software's write: changes only what the masks allow. */
  write(offset: number, size: AccessSize, value: number): void {
    if (!isInside(offset, size)) {
      return;
    }
    for (let index = 0; index < size; index++) {
      this.#writeByte(offset + index, (value >>> (8 * index)) & 0xff);
    }
    for (const { start, end, hook } of this.#hooks) {
      if (offset < end && offset + size > start) {
        hook.afterWrite?.(offset, size);
      }
    }
  }

  /** The device's read: no hook runs. */
  get(offset: number, size: AccessSize): number {
    let value = 0;
    for (let index = size - 1; index >= 0; index--) {
      value = value * 0x100 + (this.#bytes[offset + index] ?? 0);
    }
    return value;
  }

  /** The device's write: masks do not apply and no hook runs. */
  set(offset: number, size: AccessSize, value: number): void {
    assert(isInside(offset, size), `configuration register ${offset} does not exist`);
    store(this.#bytes, offset, size, value);
  }

  /** Sets or clears bits of a register for the device. */
  setBits(offset: number, size: AccessSize, bits: number, on: boolean): void {
    const value = this.get(offset, size);
    this.set(offset, size, on ? value | bits : value & ~bits);
  }

  /** Says which bits of a register software may change. */
  setWritable(offset: number, size: AccessSize, mask: number): void {
    assert(isInside(offset, size), `configuration register ${offset} does not exist`);
    store(this.#writable, offset, size, mask);
  }

  /** Calls a hook for every access that touches the range. */
  hook(start: number, sizeBytes: number, hook: ConfigHook): void {
    this.#hooks.push({ start, end: start + sizeBytes, hook });
  }

  #writeByte(offset: number, value: number): void {
    const writable = this.#writable[offset] ?? 0;
    const cleared = value & (this.#writeOneToClear[offset] ?? 0);
    const before = this.#bytes[offset] ?? 0;
    this.#bytes[offset] = ((before & ~writable) | (value & writable)) & ~cleared;
  }
}

function isInside(offset: number, size: number): boolean {
  return offset >= 0 && offset + size <= PCIE_CONFIG_BYTES;
}

function store(target: Uint8Array, offset: number, size: AccessSize, value: number): void {
  for (let index = 0; index < size; index++) {
    target[offset + index] = (value >>> (8 * index)) & 0xff;
  }
}
