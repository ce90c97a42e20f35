/**
 * Starts a machine's devices and brings each to `ready`: described, confined, nothing of the guest's touched yet.
 *
 * All are started before any is waited for: starting Node takes most of the time, and takes it side by side.
 */
import { assert } from '../../base/assert.ts';
import { HostError } from '../../base/errors.ts';
import { type ConfiguredDevice } from '../../devices/device-module.ts';
import { loadDeviceModule } from '../../devices/registry.ts';
import { SHARED_PAGE_BYTES } from '../../ipc/device-protocol.ts';
import { describeApplication } from '../../jail/application.ts';
import { type JailProfile, loadProfile } from '../../jail/profile.ts';
import type { AddressRange } from '../../memory/layout.ts';
import type { AsyncEpoll } from '../../sys/async-epoll.ts';
import type { OwnedFd } from '../../sys/fd.ts';
import { createSealedMemfd } from '../../sys/memfd.ts';
import { mapShared } from '../../sys/mmap.ts';
import { socketPair } from '../../sys/socket.ts';
import type { DeviceConfig } from '../config.ts';
import type { DeviceSpec } from '../machine/protocol.ts';
import { deviceScript, PROFILE_DIRECTORY } from '../project-files.ts';
import {
  type JailedRun,
  type RunningDevice,
  runDeviceThread,
  runJailedDevices,
} from './device-process.ts';
import { Handshake } from './handshake.ts';

/** A process that has not said what is due by then never will; an emulated host is slow. */
const HANDSHAKE_TIMEOUT_MS = 60_000;

export interface LauncherOptions {
  readonly epoll: AsyncEpoll;
  readonly sandbox: boolean;
  /** Policies to be used instead of the project's own. */
  readonly policyDirectory?: string;
  /** Told in one sentence of a device that died or broke its policy. */
  readonly onDeath: (message: string) => void;
}

/** What device processes map. */
export interface DeviceMemory {
  readonly fd: number;
  readonly ranges: readonly AddressRange[];
}

interface PreparedDevice {
  readonly run: Omit<JailedRun, 'application'>;
  readonly configured: ConfiguredDevice;
  readonly handshake: Handshake;
}

interface StartedDevice {
  readonly name: string;
  readonly configured: ConfiguredDevice;
  readonly profile: JailProfile;
  readonly running: RunningDevice;
  readonly handshake: Handshake;
}

/** The devices of one machine. */
export class DeviceLauncher {
  readonly #options: LauncherOptions;
  readonly #started: StartedDevice[] = [];
  #isStopping = false;

  constructor(options: LauncherOptions) {
    this.#options = options;
  }

  /**
   * Starts the processes; returns before they have loaded anything.
   *
   * @throws ConfigError for options that a device refuses, HostError where it cannot be jailed.
   */
  async start(configs: readonly DeviceConfig[]): Promise<void> {
    const prepared = await Promise.all(
      configs.map((config, index) => this.#prepare(config, index)),
    );
    const runs = prepared.map(({ run }) => run);
    const running = this.#options.sandbox
      ? runJailedDevices(runs.map(withApplication))
      : runs.map(runDeviceThread);
    for (const [index, { run, configured, handshake }] of prepared.entries()) {
      const device = running[index];
      assert(device !== undefined, 'every device that was prepared runs');
      const { name, profile } = run;
      this.#superviseEnd(name, device);
      this.#started.push({ name, configured, profile, running: device, handshake });
    }
  }

  async #prepare(config: DeviceConfig, index: number): Promise<PreparedDevice> {
    const { kind, label, options } = config;
    const module = await loadDeviceModule(kind);
    const configured = module.configure(options);
    const name = label === kind ? kind : `${kind} ${label}`;
    const { epoll } = this.#options;
    const profile = loadProfile(PROFILE_DIRECTORY, module.profileName);
    const [ours, channel] = socketPair();
    return {
      run: { name, kind, index, epoll, channel, profile },
      configured,
      handshake: new Handshake(name, ours, epoll),
    };
  }

  /**
   * Brings all devices to `ready`.
   *
   * @returns what the machine thread needs to put them on the bus, in the order of {@link start}.
   */
  async ready(memory: DeviceMemory): Promise<readonly DeviceSpec[]> {
    // Backends are opened one after the other, so that the first wrong file is the one that is named.
    const pages = this.#started.map((device) => this.#sendStart(device, memory));
    return Promise.all(this.#started.map((device, index) => this.#bringUp(device, pages[index])));
  }

  /** Waits until all have ended; kills those that take longer than their grace. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    for (const { handshake } of this.#started) {
      handshake[Symbol.dispose]();
    }
    const allEnded = Promise.all(this.#started.map(({ running }) => running.ended));
    const timer = setTimeout(() => {
      for (const { running } of this.#started) {
        running.kill();
      }
    }, graceMs);
    const threadsTimeout = this.#options.sandbox
      ? allEnded
      : Promise.race([allEnded, delay(graceMs)]);
    await threadsTimeout;
    clearTimeout(timer);
  }

  #superviseEnd(name: string, running: RunningDevice): void {
    void running.ended.then((how) => {
      if (!this.#isStopping) {
        const process = running.pid === 0 ? '' : ` (pid ${running.pid})`;
        this.#options.onDeath(`device ${name}${process} ${how}`);
      }
    });
  }

  /** Sends `start`. @returns the host address of the shared page. */
  #sendStart({ name, configured, handshake }: StartedDevice, memory: DeviceMemory): number {
    using page = createSealedMemfd('crosvm_device', SHARED_PAGE_BYTES);
    const backend = configured.openBackend();
    try {
      const fds = [memory.fd, page.raw, ...backend.map((fd) => fd.raw)];
      const { options } = configured;
      sendStart(name, () => {
        handshake.send({ type: 'start', memory: memory.ranges, options }, fds);
      });
      return mapShared(page.raw, SHARED_PAGE_BYTES, 0);
    } finally {
      closeAll(backend);
    }
  }

  async #bringUp(device: StartedDevice, sharedPage = 0): Promise<DeviceSpec> {
    const { name, configured, profile, handshake } = device;
    const described = await handshake.expect('described', HANDSHAKE_TIMEOUT_MS);
    closeAll(described.fds);
    await this.#confine(device);
    const { features, queueSizes, config } = described.message;
    return {
      name,
      virtioType: configured.module.virtioId,
      pciClass: configured.module.pciClass,
      features,
      queueSizes,
      config: Uint8Array.from(config),
      channelFd: handshake.takeChannel().take(),
      sharedPage,
      requests: profile.requests,
    };
  }

  async #confine({ name, profile, handshake, running }: StartedDevice): Promise<void> {
    const { epoll, sandbox, policyDirectory, onDeath } = this.#options;
    if (sandbox) {
      const policy = profile.seccompPolicy;
      const { loadDeviceProgram } = await import('./policies.ts');
      const program = await loadDeviceProgram(policy, policyDirectory);
      handshake.send({ type: 'confine', program }, []);
      const { message, fds } = await handshake.expect('ready', HANDSHAKE_TIMEOUT_MS);
      const [listener, ...others] = fds;
      closeAll(others);
      if (!message.confined || listener === undefined) {
        throw new HostError('ERR_DEVICE_UNCONFINED', `${name} did not confine itself`);
      }
      const onViolation = (text: string): void => {
        running.kill();
        onDeath(text);
      };
      const { watchViolations } = await import('./violation-listener.ts');
      watchViolations({ device: name, policy, listener, epoll, onViolation });
      return;
    }
    const { fds } = await handshake.expect('ready', HANDSHAKE_TIMEOUT_MS);
    closeAll(fds);
  }
}

/** Adds the files that its process reads; a thread of the parent needs none. */
function withApplication(run: Omit<JailedRun, 'application'>): JailedRun {
  return { ...run, application: describeApplication(deviceScript(run.kind)) };
}

/** Names the device that has ended by itself before it was told anything. */
function sendStart(name: string, send: () => void): void {
  try {
    send();
  } catch (cause) {
    throw new HostError('ERR_DEVICE_START', `${name} ended before it was started`, { cause });
  }
}

function closeAll(fds: readonly OwnedFd[]): void {
  for (const fd of fds) {
    fd.close();
  }
}

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds).unref();
  });
}
