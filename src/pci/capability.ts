/** The linked list of capabilities behind the header (PCI 3.0 §6.7). */
import { assert } from '../base/assert.ts';
import type { ConfigSpace } from './config-space.ts';
import {
  PCI_CAPABILITY_LIST,
  PCI_CONFIG_BYTES,
  PCI_HEADER_BYTES,
  PCI_STATUS,
  PCI_STATUS_CAP_LIST,
} from './registers.ts';

export const PCI_CAP_ID_VNDR = 0x09;
export const PCI_CAP_ID_MSIX = 0x11;

/** One capability: the bytes after its id and its next pointer. */
export interface Capability {
  readonly id: number;
  readonly body: Uint8Array;
  /** Bits of the body that software may change, byte by byte; absent when there are none. */
  readonly writable?: Uint8Array;
}

/** Builds the list of one function, in the order of the calls. */
export class CapabilityList {
  readonly #config: ConfigSpace;
  #nextOffset = PCI_HEADER_BYTES;
  #linkOffset = PCI_CAPABILITY_LIST;

  constructor(config: ConfigSpace) {
    this.#config = config;
  }

  /** Appends a capability; returns the offset of its id. */
  add(capability: Capability): number {
    const offset = this.#nextOffset;
    const bodyOffset = offset + 2;
    const end = bodyOffset + capability.body.length;
    assert(end <= PCI_CONFIG_BYTES, 'capabilities do not fit');
    this.#config.set(offset, 1, capability.id);
    capability.body.forEach((value, index) => {
      this.#config.set(bodyOffset + index, 1, value);
      this.#config.setWritable(bodyOffset + index, 1, capability.writable?.[index] ?? 0);
    });
    this.#config.set(this.#linkOffset, 1, offset);
    this.#config.setBits(PCI_STATUS, 2, PCI_STATUS_CAP_LIST, true);
    this.#linkOffset = offset + 1;
    // Each one starts at a multiple of four bytes.
    this.#nextOffset = Math.ceil(end / 4) * 4;
    return offset;
  }
}
