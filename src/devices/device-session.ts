/**
 * The device's end of the conversation with the parent (see ipc/device-protocol.ts).
 *
 * ```
 *   start -> described -> confine -> ready -> { activate | reset | writeConfig }*  -> the parent closes the socket
 * ```
 *
 * The parent is trusted not to lie, but a message out of turn is a bug of ours that must not be carried on from: it
 * ends the process with a sentence.
 */
import { describeError, ProtocolError } from '../base/errors.ts';
import { FaultLog } from '../base/fault-log.ts';
import { Channel, type Received } from '../ipc/channel.ts';
import {
  checkParentMessage,
  type DeviceMessage,
  type ParentMessage,
  SHARED_PAGE_BYTES,
} from '../ipc/device-protocol.ts';
import { GuestMemory } from '../memory/guest-memory.ts';
import { createEventFd, drainEventFd, signalEventFd } from '../sys/eventfd.ts';
import { OwnedFd } from '../sys/fd.ts';
import { viewMemory } from '../sys/libc.ts';
import { mapShared } from '../sys/mmap.ts';
import { seccompLoad } from '../sys/native.ts';
import type { DeviceHost, VirtioDevice } from '../virtio/device.ts';
import { EventLoop } from './event-loop.ts';
import { QueueRunner } from './queue-runner.ts';
import { loadDeviceModule } from './registry.ts';
import { rehearseDevice } from './rehearsal.ts';

type Message<T extends ParentMessage['type']> = Extract<ParentMessage, { readonly type: T }>;

/** Which device, and how it was started. */
export interface DeviceSessionOptions {
  readonly kind: string;
  /** The channel; moved. */
  readonly channelFd: OwnedFd;
  /** A process of its own waits for `confine`; a worker of the parent cannot be confined. */
  readonly confinable: boolean;
}

/** Reasons cross the line with a limit (see device-protocol.ts). */
const REASON_LENGTH_MAX = 250;

/** A device between `start` and its end. */
class DeviceSession {
  readonly #name: string;
  readonly #channel: Channel<ParentMessage, DeviceMessage>;
  readonly #device: VirtioDevice;
  readonly #memory: GuestMemory;
  readonly #loop = new EventLoop();
  readonly #runner: QueueRunner;
  /** A guest may provoke these as often as it likes. */
  readonly #faults: FaultLog;
  #active = false;

  constructor(
    channel: Channel<ParentMessage, DeviceMessage>,
    device: VirtioDevice,
    shared: { readonly name: string; readonly memory: GuestMemory; readonly isr: Uint32Array },
  ) {
    this.#name = shared.name;
    this.#faults = new FaultLog(this.#name);
    this.#channel = channel;
    this.#device = device;
    this.#memory = shared.memory;
    this.#runner = new QueueRunner({
      name: shared.name,
      loop: this.#loop,
      device,
      memory: shared.memory,
      isr: shared.isr,
      onGuestError: (reason) => {
        this.#reportGuestError(reason);
      },
    });
  }

  /** Serves the parent until it closes the channel. */
  run(): void {
    this.#channel.setBlocking(false);
    this.#loop.watch(this.#channel.raw, () => {
      this.#receiveAll();
    });
    this.#loop.run();
  }

  #receiveAll(): void {
    for (;;) {
      const received = this.#channel.receive();
      if (received === undefined) {
        return;
      }
      if (received === null) {
        this.#loop.stop();
        return;
      }
      this.#handle(received);
    }
  }

  #handle(received: Received<ParentMessage>): void {
    const { message } = received;
    switch (message.type) {
      case 'activate':
        this.#activate(message, received.fds);
        return;
      case 'reset':
        this.#reset();
        return;
      case 'writeConfig':
        this.#device.writeConfig?.(message.offset, message.bytes);
        return;
      case 'start':
      case 'confine':
        throw outOfTurn(message.type);
    }
  }

  #activate(message: Message<'activate'>, fds: readonly OwnedFd[]): void {
    if (this.#active) {
      throw outOfTurn('activate');
    }
    if ((message.features & ~this.#device.features) !== 0n) {
      throw new ProtocolError('ERR_DEVICE_FEATURES', 'the parent accepted features not on offer');
    }
    const queues = this.#runner.prepare(message.features, message.queues, fds);
    this.#active = true;
    if (typeof queues === 'string') {
      this.#reportGuestError(queues);
      return;
    }
    this.#device.activate(this.#makeHost(), message.features, queues);
    this.#runner.start();
  }

  #reset(): void {
    this.#runner.stop();
    if (this.#active) {
      this.#active = false;
      this.#device.reset();
    }
    this.#channel.send({ type: 'resetDone' });
  }

  #makeHost(): DeviceHost {
    return {
      memory: this.#memory,
      watch: (fd, handler) => {
        this.#loop.watch(fd, handler);
      },
      unwatch: (fd) => {
        this.#loop.unwatch(fd);
      },
      schedule: (index) => {
        this.#runner.schedule(index);
      },
      publishConfig: (config) => {
        this.#channel.send({ type: 'config', bytes: config });
      },
      needsReset: (reason) => {
        this.#runner.halt(reason);
      },
    };
  }

  #reportGuestError(reason: string): void {
    this.#faults.note('warn', `the driver broke the rules: ${reason}`);
    this.#channel.send({ type: 'needsReset', reason: reason.slice(0, REASON_LENGTH_MAX) });
  }
}

/**
 * Runs one device until the parent lets go of it. Blocks this thread for good parts of that time.
 *
 * @throws whatever ended it; the parent has been told with `failed` where it still listens.
 */
export async function runDeviceSession(options: DeviceSessionOptions): Promise<void> {
  using channel = new Channel<ParentMessage, DeviceMessage>(options.channelFd, checkParentMessage, {
    blocking: true,
  });
  try {
    const session = await startSession(channel, options);
    session?.run();
  } catch (error) {
    reportFailure(channel, error);
    throw error;
  }
}

/** The part before the device serves a driver. Undefined when the parent went away. */
async function startSession(
  channel: Channel<ParentMessage, DeviceMessage>,
  options: DeviceSessionOptions,
): Promise<DeviceSession | undefined> {
  const start = expect(channel, 'start');
  if (start === undefined) {
    return undefined;
  }
  const [memoryFd, sharedFd, ...backend] = start.fds;
  if (memoryFd === undefined || sharedFd === undefined) {
    throw new ProtocolError('ERR_DEVICE_START', 'start came without guest memory and shared page');
  }
  const memory = GuestMemory.map(memoryFd.raw, start.message.memory);
  const shared = mapShared(sharedFd.raw, SHARED_PAGE_BYTES, 0);
  const isr = new Uint32Array(viewMemory(shared, SHARED_PAGE_BYTES));
  memoryFd.close();
  sharedFd.close();
  const module = await loadDeviceModule(options.kind);
  const device = await module.configure(start.message.options).create(backend, memory);
  const session = new DeviceSession(channel, device, { name: options.kind, memory, isr });
  channel.send({
    type: 'described',
    features: device.features,
    queueSizes: device.queueSizes,
    config: device.config,
  });
  rehearse(device);
  return confine(channel, options.confinable) ? session : undefined;
}

/** Runs what will be needed once, while everything is still allowed. */
function rehearse(device: VirtioDevice): void {
  using fd = createEventFd();
  signalEventFd(fd.raw);
  drainEventFd(fd.raw);
  rehearseDevice(device);
}

/** Gives up all rights but those of the policy. False when the parent went away. */
function confine(channel: Channel<ParentMessage, DeviceMessage>, confinable: boolean): boolean {
  if (!confinable) {
    channel.send({ type: 'ready', confined: false });
    return true;
  }
  const received = expect(channel, 'confine');
  if (received === undefined) {
    return false;
  }
  const { program } = received.message;
  if (program.length === 0) {
    channel.send({ type: 'ready', confined: false });
    return true;
  }
  // The listener must not stay here: who holds it decides what its own refused calls return.
  using listener = new OwnedFd(seccompLoad(program, { newListener: true }));
  channel.send({ type: 'ready', confined: true }, [listener.raw]);
  return true;
}

/** Waits for one message of a type. Undefined when the parent went away. */
function expect<T extends ParentMessage['type']>(
  channel: Channel<ParentMessage, DeviceMessage>,
  type: T,
): Received<Message<T>> | undefined {
  const received = channel.receive();
  if (received === null || received === undefined) {
    return undefined;
  }
  if (!isType(received, type)) {
    throw outOfTurn(received.message.type);
  }
  return received;
}

function isType<T extends ParentMessage['type']>(
  received: Received<ParentMessage>,
  type: T,
): received is Received<Message<T>> {
  return received.message.type === type;
}

function outOfTurn(type: string): ProtocolError {
  return new ProtocolError('ERR_DEVICE_PROTOCOL', `the parent sent "${type}" out of turn`);
}

function reportFailure(channel: Channel<ParentMessage, DeviceMessage>, error: unknown): void {
  try {
    channel.send({ type: 'failed', reason: describeError(error).slice(0, 1000) });
  } catch {
    // The parent is gone or does not read; the exit code has to do.
  }
}
