/** The parent's side of a real device process, or of a device in a worker thread, for tests. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { performance } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import { Channel } from '../../src/ipc/channel.ts';
import {
  checkDeviceMessage,
  type DeviceMessage,
  type ParentMessage,
  SHARED_PAGE_BYTES,
} from '../../src/ipc/device-protocol.ts';
import { createEventFd, drainEventFd, signalEventFd } from '../../src/sys/eventfd.ts';
import type { OwnedFd } from '../../src/sys/fd.ts';
import { viewMemory } from '../../src/sys/libc.ts';
import { createSealedMemfd } from '../../src/sys/memfd.ts';
import { mapShared } from '../../src/sys/mmap.ts';
import { socketPair } from '../../src/sys/socket.ts';
import { createTestMemory, type MockDriver, type TestMemory } from './mock-driver.ts';
import { type DeviceUnderTest, SUITE_RAM_BYTES } from './virtio-device-suite.ts';

const HOST = new URL('../../src/devices/host.js', import.meta.url);
const HOST_WORKER = new URL('../../src/devices/host-worker.js', import.meta.url);
/** Long enough for a busy machine and a slow disk; a device answers in microseconds. */
const PATIENCE_MS = 30_000;
const A_WHILE_MS = 30;
const signalNumbers = new Map(Object.entries(constants.signals));

type DeviceMessageOf<T extends DeviceMessage['type']> = Extract<
  DeviceMessage,
  { readonly type: T }
>;

export interface DeviceProcessOptions {
  readonly kind: string;
  readonly options: unknown;
  /** Descriptors of the backend; borrowed. */
  readonly backend?: readonly OwnedFd[];
  /** A thread of this process instead of a process. */
  readonly worker?: boolean;
  /** Seccomp program; unconfined without. */
  readonly program?: Uint8Array;
  readonly ram?: TestMemory;
}

interface QueueFds {
  readonly kick: OwnedFd;
  readonly call: OwnedFd;
}

function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

export class DeviceProcess implements DeviceUnderTest {
  readonly ram: TestMemory;
  readonly channel: Channel<DeviceMessage, ParentMessage>;
  /** ISR status words, shared with the device. */
  readonly isr: Uint32Array;
  readonly features: bigint;
  readonly queueSizes: readonly number[];
  readonly config: Uint8Array;
  readonly ended: Promise<number>;
  readonly pid: number | undefined;
  /** What came with `ready`. */
  readonly listener: OwnedFd | undefined;
  #queues = new Map<number, QueueFds>();
  #needsReset: string | undefined;

  /** Starts the device and waits until it is ready. */
  constructor(options: DeviceProcessOptions) {
    this.ram = options.ram ?? createTestMemory(SUITE_RAM_BYTES);
    const [ours, theirs] = socketPair();
    const started =
      options.worker === true ? startWorker(options, theirs) : startProcess(options, theirs);
    this.ended = started.ended;
    this.pid = started.pid;
    this.channel = new Channel<DeviceMessage, ParentMessage>(ours, checkDeviceMessage, {
      blocking: true,
    });
    using page = createSealedMemfd('test_shared', SHARED_PAGE_BYTES);
    this.isr = new Uint32Array(
      viewMemory(mapShared(page.raw, SHARED_PAGE_BYTES, 0), SHARED_PAGE_BYTES),
    );
    this.channel.send({ type: 'start', memory: this.ram.ranges, options: options.options }, [
      this.ram.fd.raw,
      page.raw,
      ...(options.backend ?? []).map((fd) => fd.raw),
    ]);
    const described = this.#expect('described');
    this.features = described.message.features;
    this.queueSizes = described.message.queueSizes;
    this.config = described.message.config;
    if (options.worker !== true) {
      this.channel.send({ type: 'confine', program: options.program ?? new Uint8Array(0) });
    }
    [this.listener] = this.#expect('ready').fds;
  }

  activate(drivers: readonly MockDriver[], features: bigint): void {
    const fds = drivers.flatMap(({ setup }) => {
      const { kick, call } = this.#queueFds(setup.index);
      return [kick.raw, call.raw];
    });
    const queues = drivers.map((driver) => driver.setup);
    this.channel.send({ type: 'activate', features, queues }, fds);
  }

  kick(index: number): void {
    signalEventFd(this.#queueFds(index).kick.raw);
  }

  /** The call eventfd of a queue that was activated. */
  callFd(index: number): number {
    return this.#queueFds(index).call.raw;
  }

  /** True when the device has notified the driver of this queue since the last call. */
  wasNotified(index: number): boolean {
    return drainEventFd(this.#queueFds(index).call.raw);
  }

  runUntil(condition: () => boolean): boolean {
    const deadline = performance.now() + PATIENCE_MS;
    while (!condition() && performance.now() < deadline) {
      sleep(0.2);
    }
    return condition();
  }

  runAWhile(): void {
    sleep(A_WHILE_MS);
  }

  reset(): void {
    this.channel.send({ type: 'reset' });
    // What the device had to say before it saw the reset comes first.
    for (let done = false; !done; ) {
      const received = this.channel.receive();
      if (received === null || received === undefined) {
        throw new Error('the device went away instead of resetting');
      }
      done = received.message.type === 'resetDone';
    }
    this.#needsReset = undefined;
    for (const { kick, call } of this.#queues.values()) {
      kick.close();
      call.close();
    }
    this.#queues = new Map();
  }

  needsReset(): string | undefined {
    this.#drainMessages();
    return this.#needsReset;
  }

  /** Closes the channel, which ends the device. May be called again. */
  [Symbol.dispose](): void {
    this.channel[Symbol.dispose]();
    for (const { kick, call } of this.#queues.values()) {
      kick.close();
      call.close();
    }
    this.listener?.close();
    this.ram.fd.close();
  }

  #queueFds(index: number): QueueFds {
    let fds = this.#queues.get(index);
    if (fds === undefined) {
      fds = { kick: createEventFd(), call: createEventFd() };
      this.#queues.set(index, fds);
    }
    return fds;
  }

  #drainMessages(): void {
    this.channel.setBlocking(false);
    for (
      let next = this.channel.receive();
      next?.message !== undefined;
      next = this.channel.receive()
    ) {
      if (next.message.type === 'needsReset') {
        this.#needsReset = next.message.reason;
      }
    }
    this.channel.setBlocking(true);
  }

  #expect<T extends DeviceMessage['type']>(
    type: T,
  ): { message: DeviceMessageOf<T>; fds: readonly OwnedFd[] } {
    const received = this.channel.receive();
    if (received === null || received === undefined) {
      throw new Error(`the device went away instead of sending "${type}"`);
    }
    const { message, fds } = received;
    if (message.type !== type) {
      const detail = 'reason' in message ? `: ${message.reason}` : '';
      throw new Error(`the device sent "${message.type}" instead of "${type}"${detail}`);
    }
    // CAST: its type says so.
    return { message: message as DeviceMessageOf<T>, fds };
  }
}

interface Started {
  readonly pid: number | undefined;
  readonly ended: Promise<number>;
}

function startProcess(options: DeviceProcessOptions, channel: OwnedFd): Started {
  const child: ChildProcess = spawn(process.execPath, [HOST.pathname, options.kind], {
    stdio: ['ignore', 'inherit', 'inherit', channel.raw],
  });
  channel.close();
  return { pid: child.pid, ended: once(child, 'exit').then(describeExit) };
}

/** The exit code; 128 and more for a signal, as a shell has it. */
function describeExit([code, signal]: readonly unknown[]): number {
  return typeof code === 'number' ? code : 128 + (signalNumbers.get(String(signal)) ?? 0);
}

function startWorker(options: DeviceProcessOptions, channel: OwnedFd): Started {
  const worker = new Worker(HOST_WORKER, {
    workerData: { kind: options.kind, channelFd: channel.take() },
  });
  return { pid: undefined, ended: once(worker, 'exit').then(([code]) => Number(code)) };
}
