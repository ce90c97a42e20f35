/**
 * How many 4 KiB reads a second pass through a virtqueue into guest memory, without a guest: the driver's side of the
 * ring is played in the same thread by re-offering the same chains. The reference is the bare system call.
 */
import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { createDevice } from '../src/devices/block/device.ts';
import { parseBlockOptions } from '../src/devices/block/options.ts';
import { SHARED_PAGE_BYTES } from '../src/ipc/device-protocol.ts';
import { GuestMemory } from '../src/memory/guest-memory.ts';
import { createEventFd } from '../src/sys/eventfd.ts';
import { OwnedFd } from '../src/sys/fd.ts';
import { preadAddress } from '../src/sys/io.ts';
import { copyFromChain, writeLastByte } from '../src/virtio/chain-io.ts';
import {
  featureSet,
  VIRTIO_F_EVENT_IDX,
  VIRTIO_F_INDIRECT_DESC,
  VIRTIO_F_VERSION_1,
} from '../src/virtio/constants.ts';
import type { VirtioDevice } from '../src/virtio/device.ts';
import { Interrupt } from '../src/virtio/interrupt.ts';
import { SplitQueue } from '../src/virtio/split-queue.ts';

const QUEUE_SIZE = 256;
const CHAINS = 64;
const BLOCK_BYTES = 4096;
const DATA_GPA = 0x10_0000;
const ROUNDS = 5;
const REQUESTS = 300_000;

const ranges = [{ start: 0, sizeBytes: 4 << 20 }];
using memoryFd = GuestMemory.createFile(ranges);
const memory = GuestMemory.map(memoryFd.raw, ranges);
const setup = {
  index: 0,
  size: QUEUE_SIZE,
  descriptorTable: 0x1000,
  availRing: 0x3000,
  usedRing: 0x4000,
};
const header = new Uint8Array(16);
const availWords = new Uint16Array(
  memory.borrow(setup.availRing, 4 + 2 * QUEUE_SIZE + 2).buffer,
  setup.availRing,
  3 + QUEUE_SIZE,
);

function offerChains(): void {
  const table = new DataView(
    memory.borrow(setup.descriptorTable, 16 * QUEUE_SIZE).buffer,
    setup.descriptorTable,
  );
  for (let chain = 0; chain < CHAINS; chain++) {
    const header = 0x8000 + chain * 32;
    const parts = [
      { gpa: header, length: 16, flags: 1 },
      { gpa: DATA_GPA + chain * BLOCK_BYTES, length: BLOCK_BYTES, flags: 3 },
      { gpa: header + 16, length: 1, flags: 2 },
    ];
    parts.forEach((part, index) => {
      const at = (chain * 3 + index) * 16;
      table.setUint32(at, part.gpa, true);
      table.setUint32(at + 8, part.length, true);
      table.setUint16(at + 12, part.flags, true);
      table.setUint16(at + 14, chain * 3 + index + 1, true);
    });
  }
  for (let slot = 0; slot < QUEUE_SIZE; slot++) {
    availWords[2 + slot] = (slot % CHAINS) * 3;
  }
}

function activate(): SplitQueue {
  const features = featureSet(VIRTIO_F_VERSION_1, VIRTIO_F_EVENT_IDX, VIRTIO_F_INDIRECT_DESC);
  Atomics.store(availWords, 1, 0);
  const interrupt = new Interrupt(new Uint32Array(SHARED_PAGE_BYTES / 4), createEventFd().take());
  const queue = SplitQueue.activate({ memory, setup, features, interrupt });
  if (typeof queue === 'string') {
    throw new Error(queue);
  }
  return queue;
}

/** Runs one measurement, with `drain` for the device's side; returns nanoseconds a request. */
function measure(batch: number, drain: () => void): number {
  const usedEventAt = 2 + QUEUE_SIZE;
  let idx = Atomics.load(availWords, 1);
  const start = performance.now();
  for (let done = 0; done < REQUESTS; done += batch) {
    idx = (idx + batch) & 0xffff;
    // The driver wants one notification, for the last of the batch.
    Atomics.store(availWords, usedEventAt, (idx - 1) & 0xffff);
    Atomics.store(availWords, 1, idx);
    drain();
  }
  return ((performance.now() - start) * 1e6) / REQUESTS;
}

/** The least that a device can do with a queue, and a read where there is a file. */
function drainQueue(queue: SplitQueue, fd: number): void {
  for (let chain = queue.pop(); chain !== undefined; chain = queue.pop()) {
    copyFromChain(chain, 0, header);
    if (fd >= 0) {
      preadAddress(fd, chain.hostAddresses[1] ?? 0, BLOCK_BYTES, 0);
    }
    writeLastByte(chain, 0);
    queue.addUsed(chain.head, BLOCK_BYTES + 1);
  }
  queue.publish();
}

/** A disk on that file, active on a fresh queue. */
function activateBlock(image: string): VirtioDevice {
  const device = createDevice(parseBlockOptions({ path: image, readOnly: true }), [
    new OwnedFd(openSync(image, 'r')),
  ]);
  const ignore = (): void => undefined;
  const host = {
    memory,
    watch: ignore,
    unwatch: ignore,
    schedule: ignore,
    publishConfig: ignore,
    needsReset: ignore,
  };
  device.activate(host, device.features, [{ index: 0, queue: activate() }]);
  return device;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function report(name: string, run: () => number): void {
  const times = Array.from({ length: ROUNDS }, run);
  const ns = median(times);
  console.log(
    `${name.padEnd(44)} ${ns.toFixed(0).padStart(6)} ns  ${(1e6 / ns).toFixed(0).padStart(6)} k/s`,
  );
}

const path = `/dev/shm/crosvm-bench-${process.pid}`;
writeFileSync(path, Buffer.alloc(1 << 20));
const fd = openSync(path, 'r');
try {
  offerChains();
  report('pread of 4 KiB, bare', () => {
    const target = memory.hostAddress(DATA_GPA, BLOCK_BYTES);
    const start = performance.now();
    for (let done = 0; done < REQUESTS; done++) {
      preadAddress(fd, target, BLOCK_BYTES, 0);
    }
    return ((performance.now() - start) * 1e6) / REQUESTS;
  });
  const queue = activate();
  for (const batch of [1, 32]) {
    report(`queue alone, ${batch} in flight`, () =>
      measure(batch, () => {
        drainQueue(queue, -1);
      }),
    );
    report(`queue and pread of 4 KiB, ${batch} in flight`, () =>
      measure(batch, () => {
        drainQueue(queue, fd);
      }),
    );
  }
  const block = activateBlock(path);
  for (const batch of [1, 32]) {
    report(`block device, ${batch} in flight`, () =>
      measure(batch, () => {
        block.processQueue(0);
      }),
    );
  }
} finally {
  closeSync(fd);
  rmSync(path);
}
