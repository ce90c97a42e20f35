/**
 * What every virtio device implements, in its own process, and what it is given.
 *
 * ```
 *   created --activate--> active --reset--> created
 * ```
 *
 * `activate` happens at DRIVER_OK with everything checked that can be checked once; `reset` must leave guest memory
 * alone afterwards, so requests in flight are finished or dropped first. Both return at once: a vCPU may be waiting.
 */
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { SplitQueue } from './split-queue.ts';

/** What the loop of a device process offers a device: descriptors to wait for, and ways to speak. */
export interface DeviceHost {
  readonly memory: GuestMemory;
  /** Calls `handler` whenever `fd` is readable, until {@link DeviceHost.unwatch}. */
  watch(fd: number, handler: () => void): void;
  unwatch(fd: number): void;
  /**
   * Calls `processQueue(index)` again once other events have been served: for a device that stops before its queue is
   * empty, so that a driver which never lets it run dry cannot keep a reset waiting.
   */
  schedule(index: number): void;
  /** Publishes a changed device configuration; the parent interrupts the guest. */
  publishConfig(config: Uint8Array): void;
  /**
   * Tells the guest that it broke the rules and the device stops (virtio 1.3 §2.1.1, DEVICE_NEEDS_RESET).
   *
   * @param reason for the operator, one line.
   */
  needsReset(reason: string): void;
}

/** One activated queue. */
export interface ActiveQueue {
  readonly index: number;
  readonly queue: SplitQueue;
}

/** Scratch memory with one queue per queue of the device, and a driver for them. */
export interface Rehearsal {
  readonly host: DeviceHost;
  readonly queues: readonly ActiveQueue[];
  /** Offers a chain of up to 4 KiB of readable bytes and up to 8 KiB of writable memory, either of which may be empty. */
  offer(index: number, readable: Uint8Array, writableBytes: number): void;
}

/** A virtio device of one kind. */
export interface VirtioDevice {
  /** Device and transport feature bits on offer. */
  readonly features: bigint;
  /** Largest size of each queue, in descriptors. */
  readonly queueSizes: readonly number[];
  /** Device configuration (virtio 1.3 §5.x.4), little-endian. */
  readonly config: Uint8Array;

  /**
   * Longest time that the loop looks at the rings itself, in microseconds, before it sleeps until a kick. Absent or 0:
   * it sleeps at once. For a device whose answers are awaited; it costs that much of a host CPU per idle moment.
   */
  readonly pollMicros?: number;

  /** The driver is ready: takes the queues that it enabled. Called once between resets. */
  activate(host: DeviceHost, features: bigint, queues: readonly ActiveQueue[]): void;

  /**
   * The driver has kicked a queue: work until it is empty, or {@link DeviceHost.schedule} the rest. Called only while
   * active; it may also find the queue empty.
   */
  processQueue(index: number): void;

  /** Back to the state before `activate`. */
  reset(): void;

  /**
   * Runs whatever a request will need on scratch memory, before the process is confined: code that is loaded, compiled
   * or allocated for the first time then asks for no system call that the policy forbids. Leaves the device reset.
   */
  rehearse?(stage: Rehearsal): void;

  /** The driver wrote device configuration; most devices have nothing writable and leave this out. */
  writeConfig?(offset: number, bytes: Uint8Array): void;
}
