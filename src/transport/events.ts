/** The eventfds of one virtio device, made once and kept for its whole life. */
import { createEventFd, drainEventFd } from '../sys/eventfd.ts';
import type { OwnedFd } from '../sys/fd.ts';

/** Both ends of one virtqueue. */
export interface QueueEvents {
  /** Driver to device: the ioeventfd of the notification area signals it, the device reads it. */
  readonly kick: OwnedFd;
  /** Device to driver: the device signals it, the kernel injects an interrupt. */
  readonly call: OwnedFd;
}

/** Owns the eventfds; the transport and the device process borrow or duplicate them. */
export class TransportEvents implements Disposable {
  readonly queues: readonly QueueEvents[];
  /** The parent's own interrupt, for configuration changes. */
  readonly config: OwnedFd;
  /** Signalled by the kernel at the end of each INTx interrupt; the machine thread watches it. */
  readonly resample: OwnedFd;

  constructor(queueCount: number) {
    this.queues = Array.from({ length: queueCount }, () => ({
      kick: createEventFd(),
      call: createEventFd(),
    }));
    this.config = createEventFd();
    this.resample = createEventFd();
  }

  /** Forgets what a driver that is gone was signalled, and what it has signalled. */
  drain(): void {
    for (const { kick, call } of this.queues) {
      drainEventFd(kick.raw);
      drainEventFd(call.raw);
    }
    drainEventFd(this.config.raw);
    drainEventFd(this.resample.raw);
  }

  [Symbol.dispose](): void {
    for (const { kick, call } of this.queues) {
      kick.close();
      call.close();
    }
    this.config.close();
    this.resample.close();
  }
}
