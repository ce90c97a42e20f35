/** A queue and the driver that feeds it, in one process, for tests of queues and of devices. */
import { SHARED_PAGE_BYTES } from '../../src/ipc/device-protocol.ts';
import { createEventFd, drainEventFd } from '../../src/sys/eventfd.ts';
import type { OwnedFd } from '../../src/sys/fd.ts';
import {
  featureSet,
  VIRTIO_F_EVENT_IDX,
  VIRTIO_F_INDIRECT_DESC,
  VIRTIO_F_VERSION_1,
} from '../../src/virtio/constants.ts';
import { Interrupt } from '../../src/virtio/interrupt.ts';
import { type QueueFault, SplitQueue } from '../../src/virtio/split-queue.ts';
import { createTestMemory, MockDriver, type TestMemory } from './mock-driver.ts';

export const NO_FEATURES = featureSet(VIRTIO_F_VERSION_1);
export const EVENT_IDX = featureSet(VIRTIO_F_VERSION_1, VIRTIO_F_EVENT_IDX);
export const INDIRECT = featureSet(VIRTIO_F_VERSION_1, VIRTIO_F_INDIRECT_DESC);
export const ALL_QUEUE_FEATURES = EVENT_IDX | INDIRECT;

/** RAM of a fixture; rings lie at the bottom, buffers from {@link BUFFERS} on. */
export const RAM_BYTES = 1 << 20;
export const BUFFERS = 0x4_0000;

export interface QueueFixture {
  readonly ram: TestMemory;
  readonly driver: MockDriver;
  readonly queue: SplitQueue;
  /** ISR status as the driver would read it. */
  readonly isr: Uint32Array;
  readonly callFd: OwnedFd;
  /** Faults that the queue reported. */
  readonly faults: QueueFault[];
  /** True when the device has notified the driver since the last call. */
  readonly wasNotified: () => boolean;
}

/** A queue of `size` descriptors in fresh memory. */
export function createQueueFixture(
  options: { readonly size?: number; readonly features?: bigint } = {},
): QueueFixture {
  const ram = createTestMemory(RAM_BYTES);
  const driver = new MockDriver(ram.memory, { size: options.size ?? 8, base: 0x1000 });
  const callFd = createEventFd();
  const isr = new Uint32Array(SHARED_PAGE_BYTES / 4);
  const faults: QueueFault[] = [];
  const queue = SplitQueue.activate({
    memory: ram.memory,
    setup: driver.setup,
    features: options.features ?? NO_FEATURES,
    interrupt: new Interrupt(isr, callFd.raw),
    onBroken: (fault) => faults.push(fault),
  });
  if (typeof queue === 'string') {
    throw new Error(queue);
  }
  const wasNotified = () => drainEventFd(callFd.raw);
  return { ram, driver, queue, isr, callFd, faults, wasNotified };
}
