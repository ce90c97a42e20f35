/** A virtio device in this process, without a loop: it runs when a test says so. */
import { SHARED_PAGE_BYTES } from '../../src/ipc/device-protocol.ts';
import { createEventFd } from '../../src/sys/eventfd.ts';
import type { DeviceHost, VirtioDevice } from '../../src/virtio/device.ts';
import { Interrupt } from '../../src/virtio/interrupt.ts';
import { SplitQueue } from '../../src/virtio/split-queue.ts';
import { createTestMemory, type MockDriver, type TestMemory } from './mock-driver.ts';
import { type DeviceUnderTest, SUITE_RAM_BYTES } from './virtio-device-suite.ts';

const TURNS_MAX = 1000;

export class InProcessDevice implements DeviceUnderTest {
  readonly ram: TestMemory = createTestMemory(SUITE_RAM_BYTES);
  readonly device: VirtioDevice;
  /** Configurations that the device has published. */
  readonly published: Uint8Array[] = [];
  /** Descriptors that the device watches, with their handlers. */
  readonly watched = new Map<number, () => void>();
  readonly #call = createEventFd();
  readonly #pending = new Set<number>();
  readonly #interrupts: Interrupt[] = [];
  #needsReset: string | undefined;
  #active = false;

  /** @param create makes the device, given the memory that it will work on. */
  constructor(create: (ram: TestMemory) => VirtioDevice) {
    this.device = create(this.ram);
  }

  get features(): bigint {
    return this.device.features;
  }
  get queueSizes(): readonly number[] {
    return this.device.queueSizes;
  }
  get config(): Uint8Array {
    return this.device.config;
  }

  /** How often the driver was notified, of all queues so far. */
  get notificationCount(): number {
    return this.#interrupts.reduce((sum, { count }) => sum + count, 0);
  }

  activate(drivers: readonly MockDriver[], features: bigint): void {
    const isr = new Uint32Array(SHARED_PAGE_BYTES / 4);
    const queues: { index: number; queue: SplitQueue }[] = [];
    for (const { setup } of drivers) {
      const interrupt = new Interrupt(isr, this.#call.raw);
      this.#interrupts.push(interrupt);
      const queue = SplitQueue.activate({
        memory: this.ram.memory,
        setup,
        features,
        interrupt,
        onBroken: (fault) => {
          this.#needsReset = fault;
        },
      });
      if (typeof queue === 'string') {
        this.#needsReset = queue;
        return;
      }
      queues.push({ index: setup.index, queue });
    }
    this.device.activate(this.#makeHost(), features, queues);
    this.#active = true;
    for (const { index } of queues) {
      this.#pending.add(index);
    }
  }

  kick(index: number): void {
    this.#pending.add(index);
  }

  runUntil(condition: () => boolean): boolean {
    for (let turn = 0; turn < TURNS_MAX && !condition(); turn++) {
      this.#runPending();
    }
    return condition();
  }

  runAWhile(): void {
    this.#runPending();
  }

  reset(): void {
    this.device.reset();
    this.#active = false;
    this.#pending.clear();
    this.#needsReset = undefined;
  }

  needsReset(): string | undefined {
    return this.#needsReset;
  }

  [Symbol.dispose](): void {
    this.device.reset();
    this.#call.close();
    this.ram.fd.close();
  }

  /** As the queue runner does: a device that is not active is not asked. */
  #runPending(): void {
    if (!this.#active || this.#needsReset !== undefined) {
      return;
    }
    const indices = [...this.#pending];
    this.#pending.clear();
    for (const index of indices) {
      this.device.processQueue(index);
    }
  }

  #makeHost(): DeviceHost {
    return {
      memory: this.ram.memory,
      watch: (fd, handler) => {
        this.watched.set(fd, handler);
      },
      unwatch: (fd) => {
        this.watched.delete(fd);
      },
      schedule: (index) => {
        this.#pending.add(index);
      },
      publishConfig: (config) => {
        this.published.push(config);
      },
      needsReset: (reason) => {
        this.#needsReset = reason;
      },
    };
  }
}
