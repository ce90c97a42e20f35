/**
 * The machine thread's handle on one device process: the transport's {@link DevicePort} over the device's socket.
 *
 * What comes from the process is hostile: a message that is malformed or out of turn costs it the connection, which
 * the main thread hears of.
 */
import { describeError } from '../../base/errors.ts';
import { FaultLog } from '../../base/fault-log.ts';
import { Channel } from '../../ipc/channel.ts';
import {
  checkDeviceMessage,
  type DeviceMessage,
  type ParentMessage,
  type QueueSetup,
  SHARED_ISR_WORD,
} from '../../ipc/device-protocol.ts';
import type { DeviceRequest } from '../../jail/profile.ts';
import type { IrqBinder } from '../../pci/irq-binder.ts';
import { EPOLLIN, type Epoll } from '../../sys/epoll.ts';
import { OwnedFd } from '../../sys/fd.ts';
import { viewMemory } from '../../sys/libc.ts';
import type { DevicePort } from '../../transport/device-port.ts';
import { TransportEvents } from '../../transport/events.ts';
import type { IoeventBinder } from '../../transport/notifier.ts';
import { PciTransport } from '../../transport/pci-transport.ts';
import type { DeviceSpec } from './protocol.ts';

export interface DeviceProxyOptions {
  readonly spec: DeviceSpec;
  readonly epoll: Epoll;
  readonly irqBinder: IrqBinder;
  readonly ioeventBinder: IoeventBinder;
  /** The device broke the protocol, or `isGone`: it ended for a reason of its own. Nothing more will come of it. */
  readonly onLost: (reason: string, isGone: boolean) => void;
}

/** Messages of one device that are handled per wake-up, so that none keeps the exits waiting. */
const MESSAGES_PER_WAKE = 8;

export class DeviceProxy implements DevicePort {
  readonly transport: PciTransport;
  readonly #name: string;
  readonly #channel: Channel<DeviceMessage, ParentMessage>;
  readonly #events: TransportEvents;
  readonly #requests: readonly DeviceRequest[];
  readonly #epoll: Epoll;
  readonly #onLost: (reason: string, isGone: boolean) => void;
  /** A guest may provoke these as often as it likes. */
  readonly #faults: FaultLog;
  #isLost = false;

  constructor(options: DeviceProxyOptions) {
    const { spec, epoll } = options;
    this.#name = spec.name;
    this.#epoll = epoll;
    this.#onLost = options.onLost;
    this.#requests = spec.requests;
    this.#faults = new FaultLog(spec.name);
    this.#channel = new Channel<DeviceMessage, ParentMessage>(
      new OwnedFd(spec.channelFd),
      checkDeviceMessage,
    );
    this.#events = new TransportEvents(spec.queueSizes.length);
    this.transport = new PciTransport({
      name: spec.name,
      deviceType: spec.virtioType,
      features: spec.features,
      queueSizes: spec.queueSizes,
      config: spec.config,
      events: this.#events,
      isr: new Int32Array(viewMemory(spec.sharedPage + SHARED_ISR_WORD, 4)),
      port: this,
      irqBinder: options.irqBinder,
      ioeventBinder: options.ioeventBinder,
    });
    epoll.add(this.#channel.raw, EPOLLIN, () => {
      this.#receive();
    });
    epoll.add(this.#events.resample.raw, EPOLLIN, () => {
      this.transport.onResample();
    });
  }

  activate(features: bigint, queues: readonly QueueSetup[]): void {
    const fds: number[] = [];
    for (const { index } of queues) {
      const events = this.#events.queues[index];
      if (events !== undefined) {
        fds.push(events.kick.raw, events.call.raw);
      }
    }
    this.#send({ type: 'activate', features, queues }, fds);
  }

  reset(): void {
    this.#send({ type: 'reset' });
  }

  writeConfig(offset: number, bytes: Uint8Array): void {
    this.#send({ type: 'writeConfig', offset, bytes });
  }

  /** Lets go of the device, which ends it in order. */
  close(): void {
    if (!this.#isLost) {
      this.#isLost = true;
      this.#epoll.remove(this.#channel.raw);
      this.#channel[Symbol.dispose]();
    }
  }

  #send(message: ParentMessage, fds: readonly number[] = []): void {
    if (this.#isLost) {
      return;
    }
    try {
      this.#channel.send(message, fds);
    } catch (error) {
      this.#lose(`device ${this.#name} does not take messages: ${describeError(error)}`, true);
    }
  }

  #receive(): void {
    try {
      for (let count = 0; count < MESSAGES_PER_WAKE && !this.#isLost; count++) {
        const received = this.#channel.receive();
        if (received === undefined) {
          return;
        }
        if (received === null) {
          this.#lose(`device ${this.#name} closed its channel`, true);
          return;
        }
        for (const fd of received.fds) {
          fd.close();
        }
        this.#handle(received.message);
      }
    } catch (error) {
      this.#lose(`device ${this.#name} broke the protocol: ${describeError(error)}`);
    }
  }

  #handle(message: DeviceMessage): void {
    if (!this.#requests.includes(message.type)) {
      this.#lose(`device ${this.#name} sent "${message.type}", which its profile does not allow`);
      return;
    }
    switch (message.type) {
      case 'resetDone':
        this.transport.onResetDone();
        break;
      case 'config':
        this.transport.onConfigChanged(Uint8Array.from(message.bytes));
        break;
      case 'needsReset':
        this.#faults.note('warn', `the driver has to reset it: ${printable(message.reason)}`);
        this.transport.onNeedsReset();
        break;
      case 'failed':
        this.#lose(`device ${this.#name} failed: ${printable(message.reason)}`);
        break;
      case 'described':
      case 'ready':
        this.#lose(`device ${this.#name} sent "${message.type}" out of turn`);
        break;
    }
  }

  #lose(reason: string, isGone = false): void {
    this.close();
    this.#onLost(reason, isGone);
  }
}

/** Text of a device without anything that a terminal would obey. */
function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?');
}
