/** Starts the threads of a machine, the machine thread and the vCPUs', and hears of their ends. */
import type { BuildContext } from './build-context.ts';
import type { EndSignal } from './end-signal.ts';
import type { Hardware } from './hardware.ts';
import { MachineThread } from './machine/handle.ts';
import type { MachineEvent } from './machine/protocol.ts';
import type { MachineEnd } from './machine-end.ts';
import { openSerialEndpoints } from './serial/endpoints.ts';
import { endOfVcpu } from './vcpu-end.ts';
import { VcpuSet } from './vcpu-set.ts';

/** How long the end of a device's process may come after that of its channel, in milliseconds. */
const DEVICE_END_MS = 500;

/** What an event of the machine thread means for the machine; undefined for one that does not end it. */
function endOfMachineEvent(event: MachineEvent): MachineEnd | undefined {
  switch (event.type) {
    case 'powerOff':
      return { kind: 'powerOff' };
    case 'reset':
      return { kind: 'reset', by: event.by };
    case 'panic':
      return { kind: 'panic' };
    case 'deviceLost':
      return { kind: 'deviceDeath', message: event.reason };
    case 'failed':
      return { kind: 'hostFailed', message: event.message };
    case 'devicesAdded':
    case 'finished':
      return undefined;
  }
}

function raiseMachineEvent(event: MachineEvent, end: EndSignal): void {
  const reason = endOfMachineEvent(event);
  if (reason === undefined) {
    return;
  }
  if (event.type === 'deviceLost' && event.isGone) {
    // The end of its process says more than that of its channel, and comes at about the same time.
    setTimeout(() => {
      end.raise(reason);
    }, DEVICE_END_MS).unref();
    return;
  }
  end.raise(reason);
}

/** The threads of a machine. They start before there is a machine, because starting takes them longest. */
export class MachineThreads {
  readonly machine: MachineThread;
  readonly vcpus: VcpuSet;
  #stopped: Promise<void> | undefined;

  constructor({ config, scope, end }: BuildContext) {
    this.machine = new MachineThread((event) => {
      raiseMachineEvent(event, end);
    });
    this.vcpus = new VcpuSet(config.vcpuCount, (index, vcpuEnd, report) => {
      const reason = endOfVcpu(index, vcpuEnd, report);
      if (reason !== undefined) {
        end.raise(reason);
      }
    });
    // Whether it worked is told where they are stopped first; see below.
    scope.defer('threads', () => this.#stop().catch(() => undefined));
  }

  /**
   * Gives the threads their machine.
   *
   * @throws ERR_SERIAL_PATH
   */
  build({ config, scope }: BuildContext, hardware: Hardware): void {
    // Again: they have to end before what they work on is taken apart.
    scope.defer('threads', () => this.#stop());
    const endpoints = openSerialEndpoints(config.serial);
    this.machine.build({
      vmFd: hardware.vm.raw,
      memory: hardware.memory.regions,
      highMmio: hardware.highMmio,
      vcpus: this.vcpus.pipes,
      sharing: this.vcpus.sharing,
      serial: config.serial.map((serial, index) => ({
        config: serial,
        endpoints: endpoints[index] ?? { outputFd: -1, inputFd: -1 },
      })),
    });
  }

  /** vCPUs first: they need the machine thread's answers to get out of the guest. */
  #stop(): Promise<void> {
    this.#stopped ??= this.vcpus.stop().finally(() => this.machine.finish());
    return this.#stopped;
  }
}
