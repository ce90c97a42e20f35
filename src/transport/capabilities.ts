/**
 * Where the structures of a virtio device lie in its BAR, and the vendor capabilities that say so (virtio 1.3 §4.1.4).
 *
 * | offset | bytes  | structure                                     |
 * | ------ | ------ | --------------------------------------------- |
 * | 0x0000 | 0x40   | common configuration                          |
 * | 0x1000 | 1      | ISR status                                    |
 * | 0x2000 | 0x1000 | device configuration                          |
 * | 0x3000 | 0x1000 | notification area, 4 bytes for each queue     |
 * | 0x6000 | 0x1000 | MSI-X table                                   |
 * | 0x7000 | 0x1000 | MSI-X pending bits                            |
 */
import type { Bar } from '../pci/bar.ts';
import { type Capability, PCI_CAP_ID_VNDR } from '../pci/capability.ts';
import type { PciFunction } from '../pci/function.ts';
import { COMMON_CONFIG_BYTES } from './common-config.ts';
import {
  VIRTIO_PCI_CAP_COMMON_CFG,
  VIRTIO_PCI_CAP_DEVICE_CFG,
  VIRTIO_PCI_CAP_ISR_CFG,
  VIRTIO_PCI_CAP_NOTIFY_CFG,
  VIRTIO_PCI_CAP_PCI_CFG,
} from './constants.ts';

export const BAR_INDEX = 0;
export const BAR_BYTES = 0x8000;
export const STRUCTURE_PAGE_BYTES = 0x1000;
export const COMMON_CONFIG_OFFSET = 0x0000;
export const ISR_OFFSET = 0x1000;
export const DEVICE_CONFIG_OFFSET = 0x2000;
export const NOTIFY_OFFSET = 0x3000;
export const MSIX_TABLE_OFFSET = 0x6000;
export const MSIX_PENDING_OFFSET = 0x7000;
/** Bytes between the notification addresses of two queues. */
export const NOTIFY_OFF_MULTIPLIER = 4;

interface StructureLocation {
  readonly type: number;
  readonly offset: number;
  readonly sizeBytes: number;
}

const STRUCTURES: readonly StructureLocation[] = [
  { type: VIRTIO_PCI_CAP_COMMON_CFG, offset: COMMON_CONFIG_OFFSET, sizeBytes: COMMON_CONFIG_BYTES },
  { type: VIRTIO_PCI_CAP_ISR_CFG, offset: ISR_OFFSET, sizeBytes: 1 },
  { type: VIRTIO_PCI_CAP_DEVICE_CFG, offset: DEVICE_CONFIG_OFFSET, sizeBytes: 0x1000 },
  { type: VIRTIO_PCI_CAP_NOTIFY_CFG, offset: NOTIFY_OFFSET, sizeBytes: 0x1000 },
];

/** `struct virtio_pci_cap`: 16 bytes, of which the list has the first two. */
const CAP_BYTES = 16;
const BODY_OFFSET = 2;
const CAP_LEN = 2 - BODY_OFFSET;
const CAP_CFG_TYPE = 3 - BODY_OFFSET;
const CAP_BAR = 4 - BODY_OFFSET;
const CAP_OFFSET = 8 - BODY_OFFSET;
const CAP_LENGTH = 12 - BODY_OFFSET;
/** What follows it: `notify_off_multiplier` or `pci_cfg_data`. */
const CAP_EXTRA = 16 - BODY_OFFSET;

function virtioCapability(location: StructureLocation, extra?: number): Capability {
  const bytes = CAP_BYTES + (extra === undefined ? 0 : 4);
  const body = new Uint8Array(bytes - BODY_OFFSET);
  const view = new DataView(body.buffer);
  view.setUint8(CAP_LEN, bytes);
  view.setUint8(CAP_CFG_TYPE, location.type);
  view.setUint8(CAP_BAR, BAR_INDEX);
  view.setUint32(CAP_OFFSET, location.offset, true);
  view.setUint32(CAP_LENGTH, location.sizeBytes, true);
  if (extra !== undefined) {
    view.setUint32(CAP_EXTRA, extra, true);
  }
  return { id: PCI_CAP_ID_VNDR, body };
}

/** Adds the capabilities that locate the structures. */
export function addStructureCapabilities(fn: PciFunction): void {
  for (const location of STRUCTURES) {
    const isNotify = location.type === VIRTIO_PCI_CAP_NOTIFY_CFG;
    fn.capabilities.add(
      isNotify ? virtioCapability(location, NOTIFY_OFF_MULTIPLIER) : virtioCapability(location),
    );
  }
}

/**
 * Adds the capability through which a driver reaches the BAR from configuration space (§4.1.4.9), for firmware that
 * cannot map memory.
 *
 * An access to its data register becomes one to the BAR, as wide as the guest has written into the length register;
 * a BAR number, offset or length that no access can have makes it an access to nothing.
 */
export function addConfigAccessCapability(fn: PciFunction, bar: Bar): void {
  const window = { type: VIRTIO_PCI_CAP_PCI_CFG, offset: 0, sizeBytes: 0 };
  const { id, body } = virtioCapability(window, 0);
  const writable = new Uint8Array(body.length);
  writable.fill(0xff, CAP_BAR, CAP_BAR + 1);
  writable.fill(0xff, CAP_OFFSET);
  const start = fn.capabilities.add({ id, body, writable }) + BODY_OFFSET;
  const { config } = fn;
  const dataRegister = start + CAP_EXTRA;

  const target = (): { readonly offset: number; readonly size: 1 | 2 | 4 } | undefined => {
    const offset = config.get(start + CAP_OFFSET, 4);
    const size = config.get(start + CAP_LENGTH, 4);
    const isWidth = size === 1 || size === 2 || size === 4;
    const isOurs = config.get(start + CAP_BAR, 1) === BAR_INDEX;
    return isWidth && isOurs && offset % size === 0 && offset + size <= BAR_BYTES
      ? { offset, size }
      : undefined;
  };
  config.hook(dataRegister, 4, {
    beforeRead: () => {
      const access = target();
      if (access !== undefined) {
        config.set(dataRegister, 4, bar.spec.device.read(access.offset, access.size));
      }
    },
    afterWrite: () => {
      const access = target();
      if (access !== undefined) {
        const value = config.get(dataRegister, access.size);
        bar.spec.device.write(access.offset, access.size, value);
      }
    },
  });
}
