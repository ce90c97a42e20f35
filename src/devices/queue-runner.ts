/**
 * The active queues of one device: their kicks, their interrupts, and the turns that the device asked for itself.
 */
import { VmmError } from '../base/errors.ts';
import { log } from '../base/log.ts';
import type { QueueSetup } from '../ipc/device-protocol.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { OwnedFd } from '../sys/fd.ts';
import type { ActiveQueue, VirtioDevice } from '../virtio/device.ts';
import { Interrupt } from '../virtio/interrupt.ts';
import { SplitQueue } from '../virtio/split-queue.ts';
import type { EventLoop, LoopWork } from './event-loop.ts';

/** What the runner needs to set queues up. */
export interface QueueRunnerOptions {
  /** Kind of the device, for the log. */
  readonly name: string;
  readonly loop: EventLoop;
  readonly device: VirtioDevice;
  readonly memory: GuestMemory;
  /** The page that is shared with the parent. */
  readonly isr: Uint32Array;
  /** Called when the driver broke the rules; nothing runs from then on until {@link QueueRunner.stop}. */
  readonly onGuestError: (reason: string) => void;
}

interface RunningQueue extends ActiveQueue {
  readonly kick: OwnedFd;
  readonly call: OwnedFd;
}

export class QueueRunner implements LoopWork {
  readonly #options: QueueRunnerOptions;
  readonly #polled: boolean;
  #running: readonly RunningQueue[] = [];
  /** By queue index: 1 where the device asked for another turn. */
  readonly #scheduled: Uint8Array;
  #scheduledCount = 0;
  /** True while there are no queues, and after the driver broke the rules. */
  #halted = true;

  constructor(options: QueueRunnerOptions) {
    this.#options = options;
    this.#scheduled = new Uint8Array(options.device.queueSizes.length);
    this.#polled = (options.device.pollMicros ?? 0) > 0;
    options.loop.setWork(this, options.device.pollMicros ?? 0);
  }

  /**
   * Makes the queues ready.
   *
   * @param fds a kick and a call eventfd per queue; moved.
   * @returns the queues, or what is wrong with where the driver put one of them.
   * @throws ERR_DEVICE_QUEUES when the parent asks for what the device has not got.
   */
  prepare(
    features: bigint,
    setups: readonly QueueSetup[],
    fds: readonly OwnedFd[],
  ): readonly ActiveQueue[] | string {
    this.#check(setups, fds);
    const running: RunningQueue[] = [];
    for (const [position, setup] of setups.entries()) {
      const kick = fds[2 * position];
      const call = fds[2 * position + 1];
      if (kick === undefined || call === undefined) {
        throw new VmmError('ERR_DEVICE_QUEUES', 'a queue has no eventfds');
      }
      const queue = SplitQueue.activate({
        memory: this.#options.memory,
        setup,
        features,
        interrupt: new Interrupt(this.#options.isr, call.raw),
        onBroken: (fault) => {
          this.#halt(`queue ${setup.index}: ${fault}`);
        },
      });
      if (typeof queue === 'string') {
        fds.forEach((fd) => {
          fd.close();
        });
        return queue;
      }
      running.push({ index: setup.index, queue, kick, call });
    }
    this.#running = running;
    this.#halted = false;
    return running;
  }

  /** Lets the device run: kicks count from here on, also those that came before. */
  start(): void {
    if (this.#halted) {
      return;
    }
    for (const { index, queue, kick } of this.#running) {
      if (this.#polled) {
        queue.suppressKicks();
      }
      // The eventfd may have been signalled already: then it is reported at once.
      this.#options.loop.watchEventFd(kick.raw, () => {
        this.#process(index);
      });
      this.schedule(index);
    }
  }

  /** Ends it all; the device must not touch its queues afterwards. */
  stop(): void {
    this.#halted = true;
    for (const { index, queue, kick, call } of this.#running) {
      this.#options.loop.unwatch(kick.raw);
      kick.close();
      call.close();
      if (queue.malformedCount > 0) {
        const last = queue.lastChainFault ?? '';
        log(
          'warn',
          this.#options.name,
          `queue ${index}: ${queue.malformedCount} bad chains, last: ${last}`,
        );
      }
    }
    this.#running = [];
    this.#scheduled.fill(0);
    this.#scheduledCount = 0;
  }

  /** Stops serving the driver until it resets the device. */
  halt(reason: string): void {
    this.#halt(reason);
  }

  /** See {@link DeviceHost.schedule}. */
  schedule(index: number): void {
    if (this.#scheduled[index] === 0) {
      this.#scheduled[index] = 1;
      this.#scheduledCount++;
    }
  }

  hasWork(): boolean {
    if (this.#halted) {
      return false;
    }
    if (this.#scheduledCount > 0) {
      return true;
    }
    if (this.#polled) {
      for (let position = 0; position < this.#running.length; position++) {
        if (this.#running[position]?.queue.hasAvailable() === true) {
          return true;
        }
      }
    }
    return false;
  }

  work(): void {
    for (const { index, queue } of this.#running) {
      if (this.#scheduled[index] === 1) {
        this.#scheduled[index] = 0;
        this.#scheduledCount--;
        this.#process(index);
      } else if (this.#polled && queue.hasAvailable()) {
        this.#process(index);
      }
      if (this.#halted) {
        return;
      }
    }
  }

  prepareToSleep(): boolean {
    if (!this.#polled || this.#halted) {
      return true;
    }
    let quiet = true;
    for (const { queue } of this.#running) {
      quiet = (queue.armKick() || queue.fault !== undefined) && quiet;
    }
    if (!quiet) {
      this.wake();
    }
    return quiet;
  }

  wake(): void {
    if (this.#polled && !this.#halted) {
      for (const { queue } of this.#running) {
        queue.suppressKicks();
      }
    }
  }

  #process(index: number): void {
    if (!this.#halted) {
      this.#options.device.processQueue(index);
    }
  }

  #halt(reason: string): void {
    if (!this.#halted) {
      this.#halted = true;
      this.#options.onGuestError(reason);
    }
  }

  #check(setups: readonly QueueSetup[], fds: readonly OwnedFd[]): void {
    const { queueSizes } = this.#options.device;
    const seen = new Set<number>();
    for (const { index, size } of setups) {
      if (size > (queueSizes[index] ?? 0) || seen.has(index)) {
        throw new VmmError(
          'ERR_DEVICE_QUEUES',
          `queue ${index} with ${size} descriptors is not on offer, or was given twice`,
        );
      }
      seen.add(index);
    }
    if (fds.length !== 2 * setups.length) {
      throw new VmmError(
        'ERR_DEVICE_QUEUES',
        `${setups.length} queues came with ${fds.length} eventfds`,
      );
    }
  }
}
