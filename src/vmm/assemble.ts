/** Joins a machine's hardware, threads and devices, loads its guest and lets it run. */
import type { BuildContext } from './build-context.ts';
import type { ControlEndpoint } from './control-endpoint.ts';
import type { DeviceLauncher } from './devices/launcher.ts';
import { loadGuest, setupVcpus } from './guest-setup.ts';
import { createHardware } from './hardware.ts';
import { endPhase } from './start-phases.ts';
import { holdTerminal } from './terminal.ts';
import type { MachineThreads } from './threads.ts';

/**
 * Builds what is left of a machine while its devices load, and starts its vCPUs.
 *
 * @throws ConfigError or HostError when it cannot be built, MachineInterrupted when something ends it before.
 */
export async function assembleMachine(
  context: BuildContext,
  devices: DeviceLauncher,
  threads: MachineThreads,
  control: ControlEndpoint,
): Promise<void> {
  const { config, scope, end } = context;
  const { machine, vcpus } = threads;
  const hardware = createHardware(context, vcpus);
  endPhase('KVM and guest memory set up');
  threads.build(context, hardware);
  endPhase('threads given their machine');
  const ready = devices.ready({ fd: hardware.memoryFd, ranges: hardware.ranges });
  // Awaited below; a device that fails meanwhile must not count as unhandled.
  ready.catch(() => undefined);
  endPhase('devices told their options');
  const entry = loadGuest(config, hardware.memory, hardware.highMmio);
  setupVcpus(hardware.kvm, vcpus.fds, entry);
  endPhase('guest loaded, vCPUs set up');
  const specs = await end.orInterrupted(ready);
  endPhase('devices confined and ready');
  await machine.addDevices(specs);
  endPhase('devices on the bus');
  await control.open();
  scope.defer('terminal', holdTerminal(config));
  vcpus.resume();
  endPhase('vCPUs told to run');
}
