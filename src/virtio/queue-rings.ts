/** Where the three parts of a split virtqueue lie in guest memory (virtio 1.3 §2.7), checked once at activation. */
import type { QueueSetup } from '../ipc/device-protocol.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import {
  VIRTQ_AVAIL_ENTRY_BYTES,
  VIRTQ_DESC_BYTES,
  VIRTQ_RING_EVENT_BYTES,
  VIRTQ_RING_HEADER_BYTES,
  VIRTQ_SIZE_MAX,
  VIRTQ_USED_ELEMENT_BYTES,
} from './constants.ts';

/** Required alignments, in bytes (virtio 1.3 §2.7). */
const DESCRIPTOR_ALIGNMENT = 16;
const AVAIL_ALIGNMENT = 2;
const USED_ALIGNMENT = 4;

/** Views of the parts of one queue. The parts may overlap: a driver that does so harms itself only. */
export interface QueueRings {
  /** Four words a descriptor: address low, address high, length, `next << 16 | flags`. */
  readonly descriptors: Uint32Array;
  /** `flags`, `idx`, one entry per descriptor, `used_event`. */
  readonly avail: Uint16Array;
  /** The used ring in 32-bit words: `idx << 16 | flags`, then `id` and `len` per element. */
  readonly used: Uint32Array;
  /** The same ring in 16-bit words: `flags`, `idx`, elements, `avail_event`. */
  readonly usedWords: Uint16Array;
}

/**
 * Checks the place of a queue and makes the views.
 *
 * @param eventIdx whether VIRTIO_F_EVENT_IDX was negotiated: only then do the event words exist.
 * @returns the views, or what is wrong.
 */
export function mapQueueRings(
  memory: GuestMemory,
  setup: QueueSetup,
  eventIdx: boolean,
): QueueRings | string {
  const { size } = setup;
  if (!Number.isInteger(size) || size < 1 || size > VIRTQ_SIZE_MAX || (size & (size - 1)) !== 0) {
    return `queue ${setup.index}: size ${size} is not a power of two up to ${VIRTQ_SIZE_MAX}`;
  }
  const eventBytes = eventIdx ? VIRTQ_RING_EVENT_BYTES : 0;
  const headerBytes = VIRTQ_RING_HEADER_BYTES + eventBytes;
  const availBytes = headerBytes + size * VIRTQ_AVAIL_ENTRY_BYTES;
  const usedBytes = headerBytes + size * VIRTQ_USED_ELEMENT_BYTES;
  const descriptors = place(
    memory,
    setup.descriptorTable,
    size * VIRTQ_DESC_BYTES,
    DESCRIPTOR_ALIGNMENT,
  );
  const avail = place(memory, setup.availRing, availBytes, AVAIL_ALIGNMENT);
  const used = place(memory, setup.usedRing, usedBytes, USED_ALIGNMENT);
  if (descriptors === undefined) {
    return misplaced(setup.index, 'descriptor table', setup.descriptorTable);
  }
  if (avail === undefined) {
    return misplaced(setup.index, 'avail ring', setup.availRing);
  }
  if (used === undefined) {
    return misplaced(setup.index, 'used ring', setup.usedRing);
  }
  return {
    descriptors: new Uint32Array(descriptors.buffer, descriptors.offset, size * 4),
    avail: new Uint16Array(avail.buffer, avail.offset, availBytes / 2),
    used: new Uint32Array(used.buffer, used.offset, 1 + size * 2),
    usedWords: new Uint16Array(used.buffer, used.offset, usedBytes / 2),
  };
}

interface Placement {
  readonly buffer: ArrayBufferLike;
  readonly offset: number;
}

/** Where a part lies, or undefined when it is misaligned or outside of RAM. No part is longer than a chunk's overlap. */
function place(
  memory: GuestMemory,
  gpa: number,
  sizeBytes: number,
  alignment: number,
): Placement | undefined {
  const chunk = gpa % alignment === 0 ? memory.chunkAt(gpa, sizeBytes) : undefined;
  if (chunk === undefined) {
    return undefined;
  }
  return { buffer: chunk.bytes.buffer, offset: chunk.bytes.byteOffset + gpa - chunk.start };
}

function misplaced(index: number, part: string, gpa: number): string {
  return `queue ${index}: ${part} at 0x${gpa.toString(16)} is misaligned or outside of RAM`;
}
