/** Numbers of the virtio specification that every device shares, spelled as there. */

/** Feature bits of the transport and the queues (virtio 1.3 §6). */
export const VIRTIO_F_INDIRECT_DESC = 28;
export const VIRTIO_F_EVENT_IDX = 29;
export const VIRTIO_F_VERSION_1 = 32;

/** Device types (virtio 1.3 §5); the PCI device id is 0x1040 more. */
export const VIRTIO_ID_NET = 1;
export const VIRTIO_ID_BLOCK = 2;
export const VIRTIO_ID_CONSOLE = 3;
export const VIRTIO_ID_RNG = 4;
export const VIRTIO_ID_BALLOON = 5;
export const VIRTIO_ID_9P = 9;
export const VIRTIO_ID_VSOCK = 19;
export const VIRTIO_ID_FS = 26;
export const VIRTIO_ID_PMEM = 27;

/** Descriptor flags (virtio 1.3 §2.7.5). */
export const VIRTQ_DESC_F_NEXT = 1;
export const VIRTQ_DESC_F_WRITE = 2;
export const VIRTQ_DESC_F_INDIRECT = 4;

/** Flag of the avail ring: the driver wants no used notification (virtio 1.3 §2.7.6). */
export const VIRTQ_AVAIL_F_NO_INTERRUPT = 1;
/** Flag of the used ring: the device wants no kick (virtio 1.3 §2.7.8). */
export const VIRTQ_USED_F_NO_NOTIFY = 1;

/** Largest split virtqueue, in descriptors (virtio 1.3 §2.7). */
export const VIRTQ_SIZE_MAX = 32768;

/** Bytes of one descriptor, avail ring entry and used ring element. */
export const VIRTQ_DESC_BYTES = 16;
export const VIRTQ_AVAIL_ENTRY_BYTES = 2;
export const VIRTQ_USED_ELEMENT_BYTES = 8;
/** `flags` and `idx` before the entries of either ring, and the event word after them. */
export const VIRTQ_RING_HEADER_BYTES = 4;
export const VIRTQ_RING_EVENT_BYTES = 2;

/** ISR status bits (virtio 1.3 §4.1.4.5). */
export const VIRTIO_ISR_QUEUE = 1;
export const VIRTIO_ISR_CONFIG = 2;

/** The set of feature bits at these positions. */
export function featureSet(...bits: readonly number[]): bigint {
  return bits.reduce((set, bit) => set | (1n << BigInt(bit)), 0n);
}

/** True when a set of features has the bit at this position. */
export function hasFeature(features: bigint, bit: number): boolean {
  return ((features >> BigInt(bit)) & 1n) === 1n;
}
