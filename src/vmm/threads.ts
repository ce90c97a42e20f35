/** Starts the threads of a machine, the machine thread and the vCPUs', and hears of their ends. */
import type { BuildContext } from './build-context.ts';
import type { EndSignal } from './end-signal.ts';
import type { Hardware } from './hardware.ts';
import { MachineThread } from './machine/handle.ts';
import type { MachineEvent } from './machine/protocol.ts';
import type { MachineEnd } from './machine-end.ts';
import { openSerialEndpoints } from './serial/endpoints.ts';
import { endOfVcpu } from './vcpu-end.ts';

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

/**
 * Starts the machine thread.
 *
 * @throws ERR_SERIAL_PATH
 */
export function startMachineThread(context: BuildContext, hardware: Hardware): MachineThread {
  const { config, scope, end } = context;
  const endpoints = openSerialEndpoints(config.serial);
  const spec = {
    vmFd: hardware.vm.raw,
    memory: hardware.memory.regions,
    highMmio: hardware.highMmio,
    vcpus: hardware.vcpus.pipes,
    serial: config.serial.map((serial, index) => ({
      config: serial,
      endpoints: endpoints[index] ?? { outputFd: -1, inputFd: -1 },
    })),
  };
  const machine = new MachineThread(spec, (event) => {
    raiseMachineEvent(event, end);
  });
  scope.defer('machine thread', () => machine.finish());
  return machine;
}

/** Starts the vCPUs' threads, which load while the guest is loaded and then wait. */
export function startVcpuThreads({ scope, end }: BuildContext, { vcpus }: Hardware): void {
  vcpus.start((index, vcpuEnd, report) => {
    const reason = endOfVcpu(index, vcpuEnd, report);
    if (reason !== undefined) {
      end.raise(reason);
    }
  });
  scope.defer('vCPUs', () => vcpus.stop());
}
