/**
 * MSI-X (PCI 3.0 §6.8.2): the capability, the table and the pending bits of one function.
 *
 * Each source of interrupts is an eventfd that the device signals without asking anybody. While a vector is live
 * (MSI-X enabled, neither the function nor the vector masked) the eventfds attached to it are bound to the vector's
 * GSI, and the kernel delivers them. While it is not, they are unbound and keep what was signalled: that is the
 * pending bit, and binding them again delivers it.
 *
 * | offset | width | table entry (16 bytes each)                |
 * | ------ | ----- | ------------------------------------------ |
 * | 0      | 4     | message address, lower half                |
 * | 4      | 4     | message address, upper half                |
 * | 8      | 4     | message data                               |
 * | 12     | 4     | vector control: bit 0 masks the vector     |
 */
import { assert } from '../base/assert.ts';
import type { Gsi, RawFd } from '../base/brands.ts';
import { type AccessSize, allOnes, type BusDevice } from '../bus/bus-device.ts';
import { type Capability, PCI_CAP_ID_MSIX } from './capability.ts';
import type { ConfigSpace } from './config-space.ts';
import { bindAndDrain, type EventfdAccess, type IrqBinder } from './irq-binder.ts';

const ENTRY_WORDS = 4;
const ADDRESS_LOW = 0;
const ADDRESS_HIGH = 1;
const DATA = 2;
const VECTOR_CONTROL = 3;
const VECTOR_MASKED = 1;

/** Message control, after the id and the next pointer of the capability. */
const MESSAGE_CONTROL = 2;
const CONTROL_ENABLE = 0x8000;
const CONTROL_FUNCTION_MASK = 0x4000;

/** A table page of 4 KiB holds that many entries. */
export const MSIX_VECTOR_COUNT_MAX = 256;

/** Upper twelve bits of every message address that a local APIC takes (Intel SDM 3A §11.11.1). */
const APIC_ADDRESS_PREFIX = 0xfee;

export interface MsixOptions {
  readonly name: string;
  /** 1 to {@link MSIX_VECTOR_COUNT_MAX}. */
  readonly vectorCount: number;
  readonly binder: IrqBinder;
  readonly eventfds: EventfdAccess;
}

/** Told when the guest turns MSI-X on or off, at the moments when no eventfd is bound to a vector. */
export interface MsixListener {
  /** MSI-X comes on: its vectors are bound after this. */
  onEnable(): void;
  /** MSI-X has gone off: its vectors are unbound. */
  onDisable(): void;
}

/** Where the table and the pending bits lie. */
export interface MsixLayout {
  readonly barIndex: number;
  readonly tableOffset: number;
  readonly pendingOffset: number;
}

/** MSI-X of one function. */
export class Msix {
  readonly vectorCount: number;
  readonly table: BusDevice;
  readonly pendingBits: BusDevice;
  /** Messages that no local APIC takes; their vectors stay unbound. */
  undeliverableMessages = 0;
  /** The table as the guest wrote it, four words for each vector. */
  readonly #entries: Uint32Array;
  readonly #options: MsixOptions;
  /** Eventfds of each vector. */
  readonly #attached: RawFd[][];
  readonly #gsis: (Gsi | undefined)[];
  /** Vectors whose eventfds are bound now. */
  readonly #isBound: boolean[];
  #isEnabled = false;
  #isFunctionMasked = false;

  constructor(options: MsixOptions) {
    const { name, vectorCount } = options;
    assert(vectorCount > 0 && vectorCount <= MSIX_VECTOR_COUNT_MAX, `${vectorCount} vectors`);
    this.vectorCount = vectorCount;
    this.#options = options;
    this.#entries = new Uint32Array(vectorCount * ENTRY_WORDS);
    this.#attached = Array.from({ length: vectorCount }, () => []);
    this.#gsis = Array.from({ length: vectorCount });
    this.#isBound = Array.from({ length: vectorCount }, () => false);
    for (let vector = 0; vector < vectorCount; vector++) {
      this.#entries[vector * ENTRY_WORDS + VECTOR_CONTROL] = VECTOR_MASKED;
    }
    this.table = new WordBlock(
      `${name}-msix-table`,
      (word) => this.#entries[word],
      (word, value) => {
        this.#writeEntry(word, value);
      },
    );
    this.pendingBits = new WordBlock(`${name}-msix-pba`, (word) => this.#pendingWord(word));
  }

  get isEnabled(): boolean {
    return this.#isEnabled;
  }

  /** The capability to add to the function. */
  capability(layout: MsixLayout): Capability {
    const body = new Uint8Array(10);
    const view = new DataView(body.buffer);
    view.setUint16(0, this.vectorCount - 1, true);
    view.setUint32(2, layout.tableOffset + layout.barIndex, true);
    view.setUint32(6, layout.pendingOffset + layout.barIndex, true);
    const writable = new Uint8Array(10);
    writable[1] = (CONTROL_ENABLE | CONTROL_FUNCTION_MASK) >>> 8;
    return { id: PCI_CAP_ID_MSIX, body, writable };
  }

  /** Follows the message control register of the capability at `offset`. */
  connect(config: ConfigSpace, offset: number, listener: MsixListener): void {
    const register = offset + MESSAGE_CONTROL;
    config.hook(register, 2, {
      afterWrite: () => {
        this.#writeControl(config.get(register, 2), listener);
      },
    });
  }

  /** Lets an eventfd raise a vector. It must not be attached to another one. */
  attach(eventfd: RawFd, vector: number): void {
    const gsi = this.#gsis[vector];
    this.#attached[vector]?.push(eventfd);
    if (this.#isBound[vector] === true && gsi !== undefined) {
      bindAndDrain(this.#options, eventfd, gsi);
    }
  }

  /** Undoes {@link attach}. */
  detach(eventfd: RawFd, vector: number): void {
    const attached = this.#attached[vector];
    const index = attached?.indexOf(eventfd) ?? -1;
    if (attached === undefined || index < 0) {
      return;
    }
    attached.splice(index, 1);
    const gsi = this.#gsis[vector];
    if (this.#isBound[vector] === true && gsi !== undefined) {
      this.#options.binder.unbindIrqfd(eventfd, gsi);
    }
  }

  #writeControl(control: number, listener: MsixListener): void {
    const isEnabled = (control & CONTROL_ENABLE) !== 0;
    const wasEnabled = this.#isEnabled;
    this.#isEnabled = isEnabled;
    this.#isFunctionMasked = (control & CONTROL_FUNCTION_MASK) !== 0;
    // ORDER: an eventfd has one binding at a time, so INTx lets go first when MSI-X comes, and comes last when it goes.
    if (isEnabled && !wasEnabled) {
      listener.onEnable();
    }
    for (let vector = 0; vector < this.vectorCount; vector++) {
      this.#updateVector(vector);
    }
    if (!isEnabled && wasEnabled) {
      listener.onDisable();
    }
  }

  #writeEntry(word: number, value: number): void {
    if (word >= this.#entries.length) {
      return;
    }
    const vector = Math.floor(word / ENTRY_WORDS);
    const isControl = word % ENTRY_WORDS === VECTOR_CONTROL;
    const stored = isControl ? value & VECTOR_MASKED : value;
    if (this.#entries[word] === stored) {
      return;
    }
    this.#entries[word] = stored;
    if (!isControl && this.#isBound[vector] === true) {
      // A message changed under a live vector (undefined by the specification): route it afresh.
      this.#unbind(vector);
    }
    this.#updateVector(vector);
  }

  #isLive(vector: number): boolean {
    const isMasked = (this.#word(vector, VECTOR_CONTROL) & VECTOR_MASKED) !== 0;
    return this.#isEnabled && !this.#isFunctionMasked && !isMasked;
  }

  /** Binds or unbinds a vector's eventfds as the masks now say. */
  #updateVector(vector: number): void {
    const isLive = this.#isLive(vector);
    if (isLive && this.#isBound[vector] !== true) {
      this.#bind(vector);
    } else if (!isLive && this.#isBound[vector] === true) {
      this.#unbind(vector);
    }
  }

  #bind(vector: number): void {
    const addressLow = this.#word(vector, ADDRESS_LOW);
    const addressHigh = this.#word(vector, ADDRESS_HIGH);
    // KVM refuses other messages, and hardware would write to memory: nobody gets an interrupt either way.
    if (addressLow >>> 20 !== APIC_ADDRESS_PREFIX || (addressHigh & 0xff) !== 0) {
      this.undeliverableMessages++;
      return;
    }
    const gsi = this.#gsis[vector] ?? this.#options.binder.allocateGsi();
    this.#gsis[vector] = gsi;
    this.#options.binder.setMsiRoute(gsi, addressLow, addressHigh, this.#word(vector, DATA));
    this.#isBound[vector] = true;
    for (const eventfd of this.#attached[vector] ?? []) {
      bindAndDrain(this.#options, eventfd, gsi);
    }
  }

  #unbind(vector: number): void {
    const gsi = this.#gsis[vector];
    this.#isBound[vector] = false;
    if (gsi === undefined) {
      return;
    }
    for (const eventfd of this.#attached[vector] ?? []) {
      this.#options.binder.unbindIrqfd(eventfd, gsi);
    }
  }

  #word(vector: number, field: number): number {
    return this.#entries[vector * ENTRY_WORDS + field] ?? 0;
  }

  /** 32 pending bits. */
  #pendingWord(word: number): number | undefined {
    const first = word * 32;
    if (first >= this.vectorCount) {
      return undefined;
    }
    const { eventfds } = this.#options;
    let bits = 0;
    const count = Math.min(32, this.vectorCount - first);
    for (let index = 0; index < count; index++) {
      const vector = first + index;
      const isBound = this.#isBound[vector] === true;
      const attached = this.#attached[vector] ?? [];
      if (!isBound && attached.some((eventfd) => eventfds.isSignalled(eventfd))) {
        bits |= 1 << index;
      }
    }
    return bits >>> 0;
  }
}

/** Registers of 32 bits that software writes whole and may read in parts. */
class WordBlock implements BusDevice {
  readonly name: string;
  readonly #readWord: (word: number) => number | undefined;
  readonly #writeWord: ((word: number, value: number) => void) | undefined;

  constructor(
    name: string,
    readWord: (word: number) => number | undefined,
    writeWord?: (word: number, value: number) => void,
  ) {
    this.name = name;
    this.#readWord = readWord;
    this.#writeWord = writeWord;
  }

  read(offset: number, size: AccessSize): number {
    if (offset % size !== 0) {
      return allOnes(size);
    }
    const word = this.#readWord(offset >>> 2);
    return word === undefined
      ? allOnes(size)
      : ((word >>> (8 * (offset & 3))) & allOnes(size)) >>> 0;
  }

  write(offset: number, size: AccessSize, value: number): void {
    if (size === 4 && offset % 4 === 0) {
      this.#writeWord?.(offset >>> 2, value);
    }
  }
}
