/** The BAR of a virtio device: one page for each structure, and the two structures that are simple enough to be here. */
import { type AccessSize, allOnes, type BusDevice } from '../bus/bus-device.ts';
import {
  COMMON_CONFIG_OFFSET,
  DEVICE_CONFIG_OFFSET,
  ISR_OFFSET,
  MSIX_PENDING_OFFSET,
  MSIX_TABLE_OFFSET,
  NOTIFY_OFFSET,
  STRUCTURE_PAGE_BYTES,
} from './capabilities.ts';
import type { DevicePort } from './device-port.ts';

export interface StructureBarParts {
  readonly name: string;
  readonly commonConfig: BusDevice;
  readonly isr: BusDevice;
  readonly deviceConfig: BusDevice;
  readonly notify: BusDevice;
  readonly msixTable: BusDevice;
  readonly msixPendingBits: BusDevice;
}

/** Hands each access to the structure in whose page it lies. */
export class StructureBar implements BusDevice {
  readonly name: string;
  /** By page number; pages without a structure read as all ones. */
  readonly #pages: (BusDevice | undefined)[] = [];

  constructor(parts: StructureBarParts) {
    this.name = parts.name;
    this.#pages[COMMON_CONFIG_OFFSET / STRUCTURE_PAGE_BYTES] = parts.commonConfig;
    this.#pages[ISR_OFFSET / STRUCTURE_PAGE_BYTES] = parts.isr;
    this.#pages[DEVICE_CONFIG_OFFSET / STRUCTURE_PAGE_BYTES] = parts.deviceConfig;
    this.#pages[NOTIFY_OFFSET / STRUCTURE_PAGE_BYTES] = parts.notify;
    this.#pages[MSIX_TABLE_OFFSET / STRUCTURE_PAGE_BYTES] = parts.msixTable;
    this.#pages[MSIX_PENDING_OFFSET / STRUCTURE_PAGE_BYTES] = parts.msixPendingBits;
  }

  read(offset: number, size: AccessSize): number {
    return this.#part(offset, size)?.read(offset % STRUCTURE_PAGE_BYTES, size) ?? allOnes(size);
  }

  write(offset: number, size: AccessSize, value: number): void {
    this.#part(offset, size)?.write(offset % STRUCTURE_PAGE_BYTES, size, value);
  }

  #part(offset: number, size: AccessSize): BusDevice | undefined {
    const isInOnePage = (offset % STRUCTURE_PAGE_BYTES) + size <= STRUCTURE_PAGE_BYTES;
    return isInOnePage ? this.#pages[Math.floor(offset / STRUCTURE_PAGE_BYTES)] : undefined;
  }
}

/** The ISR status byte (virtio 1.3 §4.1.4.5): a read takes it. */
export class IsrStatus implements BusDevice {
  readonly name = 'virtio-isr';
  readonly #take: () => number;

  constructor(take: () => number) {
    this.#take = take;
  }

  read(offset: number, size: AccessSize): number {
    return offset === 0 ? this.#take() : allOnes(size);
  }

  write(): void {
    // Read-only.
  }
}

/** The device configuration (virtio 1.3 §4.1.4.6): reads come from the copy that the device last published. */
export class DeviceConfigArea implements BusDevice {
  readonly name = 'virtio-device-config';
  readonly #port: DevicePort;
  #bytes: Uint8Array;

  constructor(config: Uint8Array, port: DevicePort) {
    this.#bytes = config.slice();
    this.#port = port;
  }

  publish(config: Uint8Array): void {
    this.#bytes = config.slice();
  }

  /** Bytes behind the end of the configuration read as zero, like fields of features that are not offered. */
  read(offset: number, size: AccessSize): number {
    let value = 0;
    for (let index = size - 1; index >= 0; index--) {
      value = value * 0x100 + (this.#bytes[offset + index] ?? 0);
    }
    return value;
  }

  write(offset: number, size: AccessSize, value: number): void {
    if (offset + size > this.#bytes.length) {
      return;
    }
    const bytes = new Uint8Array(size);
    for (let index = 0; index < size; index++) {
      bytes[index] = (value >>> (8 * index)) & 0xff;
    }
    this.#port.writeConfig(offset, bytes);
  }
}
