/**
 * The two ways from a vCPU to configuration space: ports 0xcf8 to 0xcff (PCI 3.0 §3.2.2.3.2) and the enhanced
 * configuration access mechanism (PCI Express 6.0 §7.2.2). Both lead to the same registers.
 */
import { type AccessSize, allOnes, type BusDevice } from '../bus/bus-device.ts';
import type { ConfigSpace } from './config-space.ts';
import type { PciRoot } from './pci-root.ts';

/** The ports that {@link ConfigPorts} answers. */
export const CONFIG_PORTS = { start: 0xcf8, sizeBytes: 8 } as const;

const CONFIG_DATA = 4;
const CONFIG_ENABLE = 0x8000_0000;
/** Bits 30..24 and 1..0 read as zero. */
const CONFIG_ADDRESS_BITS = 0x80ff_fffc;
/** Offset of port 0xcf9, the reset control register, which sits inside the address register. */
const RESET_CONTROL = 1;

/** Ports 0xcf8 (address; only whole dwords) and 0xcfc to 0xcff (data). */
export class ConfigPorts implements BusDevice {
  readonly name = 'pci-config-ports';
  readonly #root: PciRoot;
  readonly #resetControl: BusDevice | undefined;
  #address = 0;

  /** @param resetControl answers byte accesses to port 0xcf9. */
  constructor(root: PciRoot, resetControl?: BusDevice) {
    this.#root = root;
    this.#resetControl = resetControl;
  }

  read(offset: number, size: AccessSize): number {
    if (offset >= CONFIG_DATA) {
      return this.#target()?.read(this.#register(offset), size) ?? allOnes(size);
    }
    if (offset === 0 && size === 4) {
      return this.#address;
    }
    if (offset === RESET_CONTROL && size === 1) {
      return this.#resetControl?.read(0, 1) ?? allOnes(1);
    }
    return allOnes(size);
  }

  write(offset: number, size: AccessSize, value: number): void {
    if (offset >= CONFIG_DATA) {
      this.#target()?.write(this.#register(offset), size, value);
    } else if (offset === 0 && size === 4) {
      this.#address = (value & CONFIG_ADDRESS_BITS) >>> 0;
    } else if (offset === RESET_CONTROL && size === 1) {
      this.#resetControl?.write(0, 1, value);
    }
  }

  #register(offset: number): number {
    return (this.#address & 0xfc) + (offset - CONFIG_DATA);
  }

  #target(): ConfigSpace | undefined {
    const address = this.#address;
    if ((address & CONFIG_ENABLE) === 0) {
      return undefined;
    }
    const bus = (address >>> 16) & 0xff;
    return this.#root.find(bus, (address >>> 11) & 0x1f, (address >>> 8) & 0x7)?.config;
  }
}

/** The ECAM window: 4 KiB for each function, 1 MiB for each bus. */
export class EcamWindow implements BusDevice {
  readonly name = 'pci-ecam';
  readonly #root: PciRoot;

  constructor(root: PciRoot) {
    this.#root = root;
  }

  read(offset: number, size: AccessSize): number {
    return this.#target(offset)?.read(offset & 0xfff, size) ?? allOnes(size);
  }

  write(offset: number, size: AccessSize, value: number): void {
    this.#target(offset)?.write(offset & 0xfff, size, value);
  }

  #target(offset: number): ConfigSpace | undefined {
    return this.#root.find(offset >>> 20, (offset >>> 15) & 0x1f, (offset >>> 12) & 0x7)?.config;
  }
}
