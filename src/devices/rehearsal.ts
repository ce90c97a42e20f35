/**
 * Scratch queues on scratch memory, with a driver of a few lines, for {@link VirtioDevice.rehearse}: what a process
 * does for the first time while it is not yet confined, it need not be allowed to do later.
 */
import { assert } from '../base/assert.ts';
import { SHARED_PAGE_BYTES } from '../ipc/device-protocol.ts';
import { GuestMemory } from '../memory/guest-memory.ts';
import { createEventFd } from '../sys/eventfd.ts';
import { VIRTQ_DESC_BYTES, VIRTQ_DESC_F_NEXT, VIRTQ_DESC_F_WRITE } from '../virtio/constants.ts';
import type { ActiveQueue, DeviceHost, Rehearsal, VirtioDevice } from '../virtio/device.ts';
import { Interrupt } from '../virtio/interrupt.ts';
import { SplitQueue } from '../virtio/split-queue.ts';

const PAGE = 4096;
/** Descriptors of each scratch queue; a chain takes two and always the same two. */
const SIZE = 2;
/** Pages per queue: the rings, the readable buffer, and two of the writable one. */
const PAGES_PER_QUEUE = 4;
const AVAIL_OFFSET = 256;
const USED_OFFSET = 512;

/** Lets a device practise; it is reset afterwards, and the scratch memory stays unused until the process ends. */
export function rehearseDevice(device: VirtioDevice): void {
  const queueCount = Math.max(1, device.queueSizes.length);
  const ranges = [{ start: 0, sizeBytes: queueCount * PAGES_PER_QUEUE * PAGE }];
  using file = GuestMemory.createFile(ranges);
  const memory = GuestMemory.map(file.raw, ranges);
  using call = createEventFd();
  const interrupt = new Interrupt(new Uint32Array(SHARED_PAGE_BYTES / 4), call.raw);
  const queues = device.queueSizes.map((_, index) => {
    return { index, queue: activateScratchQueue(device, memory, index, interrupt) };
  });
  practiseRefusal(memory, queues);
  device.rehearse?.(makeStage(memory, queues));
}

function activateScratchQueue(
  device: VirtioDevice,
  memory: GuestMemory,
  index: number,
  interrupt: Interrupt,
): SplitQueue {
  const base = index * PAGES_PER_QUEUE * PAGE;
  const setup = {
    index,
    size: SIZE,
    descriptorTable: base,
    availRing: base + AVAIL_OFFSET,
    usedRing: base + USED_OFFSET,
  };
  const queue = SplitQueue.activate({ memory, setup, features: device.features, interrupt });
  assert(typeof queue !== 'string', 'the scratch queue is sound');
  return queue;
}

/** One chain that is malformed, for every queue: the way in which a hostile driver is refused runs once. */
function practiseRefusal(memory: GuestMemory, queues: readonly ActiveQueue[]): void {
  for (const { index, queue } of queues) {
    offerChain(memory, index, [{ length: 0, flags: 0 }]);
    assert(queue.pop() === undefined && queue.malformedCount === 1, 'a bad chain is refused');
  }
}

function makeStage(memory: GuestMemory, queues: readonly ActiveQueue[]): Rehearsal {
  const host: DeviceHost = {
    memory,
    watch: () => undefined,
    unwatch: () => undefined,
    schedule: () => undefined,
    publishConfig: () => undefined,
    needsReset: () => undefined,
  };
  return {
    host,
    queues,
    offer(index, readable, writableBytes) {
      assert(readable.length <= PAGE && writableBytes <= 2 * PAGE, 'the buffers are large enough');
      const parts: Part[] = [];
      if (readable.length > 0) {
        memory.write(readableBuffer(index), readable);
        parts.push({ length: readable.length, flags: 0 });
      }
      if (writableBytes > 0) {
        parts.push({ length: writableBytes, flags: VIRTQ_DESC_F_WRITE });
      }
      offerChain(memory, index, parts);
    },
  };
}

interface Part {
  readonly length: number;
  readonly flags: number;
}

function readableBuffer(index: number): number {
  return (index * PAGES_PER_QUEUE + 1) * PAGE;
}

function offerChain(memory: GuestMemory, index: number, parts: readonly Part[]): void {
  const base = index * PAGES_PER_QUEUE * PAGE;
  const ring = memory.borrow(base, PAGE);
  const view = new DataView(ring.buffer, ring.byteOffset, PAGE);
  parts.forEach((part, position) => {
    const at = position * VIRTQ_DESC_BYTES;
    const page = (part.flags & VIRTQ_DESC_F_WRITE) === 0 ? 0 : PAGE;
    const next = position + 1 < parts.length ? VIRTQ_DESC_F_NEXT : 0;
    view.setUint32(at, readableBuffer(index) + page, true);
    view.setUint32(at + 8, part.length, true);
    view.setUint16(at + 12, part.flags | next, true);
    view.setUint16(at + 14, position + 1, true);
  });
  // Every entry of the ring is 0, the head of the only chain: adding one to idx offers it again.
  const idx = view.getUint16(AVAIL_OFFSET + 2, true);
  view.setUint16(AVAIL_OFFSET + 2, idx + 1, true);
}
