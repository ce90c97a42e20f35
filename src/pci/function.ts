/**
 * One PCI function: its configuration space, capabilities and BARs.
 *
 * ```ts
 * const fn = new PciFunction('rng0', { vendorId: 0x1af4, deviceId: 0x1044, classCode: 0x088000, … });
 * fn.addBar(0, { kind: 'memory32', sizeBytes: 0x8000, device });
 * fn.capabilities.add({ id: PCI_CAP_ID_VNDR, body });
 * root.add(fn);
 * ```
 */
import type { Gsi } from '../base/brands.ts';
import { Bar, type BarMapper, type BarSpec } from './bar.ts';
import { CapabilityList } from './capability.ts';
import { ConfigSpace } from './config-space.ts';
import {
  PCI_BAR_COUNT,
  PCI_BASE_ADDRESS_0,
  PCI_CLASS_PROG,
  PCI_COMMAND,
  PCI_COMMAND_IO,
  PCI_COMMAND_MEMORY,
  PCI_DEVICE_ID,
  PCI_INTERRUPT_LINE,
  PCI_INTERRUPT_PIN,
  PCI_REVISION_ID,
  PCI_SUBSYSTEM_ID,
  PCI_SUBSYSTEM_VENDOR_ID,
  PCI_VENDOR_ID,
} from './registers.ts';

/** What a function says it is. */
export interface PciIdentity {
  readonly vendorId: number;
  readonly deviceId: number;
  /** Base class, subclass and programming interface, 0x018000 for example. */
  readonly classCode: number;
  readonly revision: number;
  readonly subsystemVendorId: number;
  readonly subsystemId: number;
}

const INTA = 1;

/** A single-function device. */
export class PciFunction {
  readonly name: string;
  readonly config = new ConfigSpace();
  readonly capabilities: CapabilityList;
  readonly bars: Bar[] = [];
  #intxGsi: Gsi | undefined;

  constructor(name: string, identity: PciIdentity) {
    this.name = name;
    this.capabilities = new CapabilityList(this.config);
    this.config.set(PCI_VENDOR_ID, 2, identity.vendorId);
    this.config.set(PCI_DEVICE_ID, 2, identity.deviceId);
    this.config.set(PCI_REVISION_ID, 1, identity.revision);
    this.config.set(PCI_CLASS_PROG, 2, identity.classCode & 0xffff);
    this.config.set(PCI_CLASS_PROG + 2, 1, identity.classCode >>> 16);
    this.config.set(PCI_SUBSYSTEM_VENDOR_ID, 2, identity.subsystemVendorId);
    this.config.set(PCI_SUBSYSTEM_ID, 2, identity.subsystemId);
  }

  /** Adds a BAR; before {@link PciRoot.add}. */
  addBar(index: number, spec: BarSpec): Bar {
    const bar = new Bar(this.config, index, spec);
    this.bars.push(bar);
    return bar;
  }

  /** What INTA# is wired to, once the root has said so. */
  get intxGsi(): Gsi | undefined {
    return this.#intxGsi;
  }

  /** Wires INTA# to a GSI, which the interrupt line register tells the guest. */
  setInterrupt(gsi: Gsi): void {
    this.#intxGsi = gsi;
    this.config.set(PCI_INTERRUPT_LINE, 1, gsi);
    this.config.set(PCI_INTERRUPT_PIN, 1, INTA);
  }

  /** Puts the BARs, whose addresses are assigned, on the buses and follows what the guest does to them. */
  connect(mapper: BarMapper): void {
    let decode = 0;
    for (const bar of this.bars) {
      decode |= bar.spec.kind === 'io' ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY;
    }
    // No firmware runs before the kernel: decoding is on from the start, as firmware would leave it.
    this.config.setBits(PCI_COMMAND, 2, decode, true);
    const updateAll = (): void => {
      for (const bar of this.bars) {
        mapper.update(bar);
      }
    };
    this.config.hook(PCI_BASE_ADDRESS_0, 4 * PCI_BAR_COUNT, { afterWrite: updateAll });
    this.config.hook(PCI_COMMAND, 1, { afterWrite: updateAll });
    for (const bar of this.bars) {
      mapper.add(bar);
    }
  }
}
