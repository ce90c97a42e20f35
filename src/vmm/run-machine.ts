/**
 * The life of one machine, in the main thread: built step by step, run until something ends it, and taken apart in
 * the reverse order, whatever happened in between.
 */
import { log } from '../base/log.ts';
import { Scope } from '../base/scope.ts';
import { AsyncEpoll } from '../sys/async-epoll.ts';
import type { BuildContext } from './build-context.ts';
import type { VmConfig } from './config.ts';
import { ControlEndpoint } from './control-endpoint.ts';
import { DeviceLauncher } from './devices/launcher.ts';
import { EndSignal, MachineInterrupted } from './end-signal.ts';
import { describeEnd, isOrderly, type MachineEnd } from './machine-end.ts';
import { endPhase } from './start-phases.ts';
import { MachineThreads } from './threads.ts';

/** How long devices may take to end by themselves. */
const DEVICE_GRACE_MS = 1000;

/** Starts the device processes before anything else: they load while the parent does the rest. */
async function startDevices({ config, scope, end, epoll }: BuildContext): Promise<DeviceLauncher> {
  const { sandbox, seccompPolicyDirectory } = config;
  const devices = new DeviceLauncher({
    epoll,
    sandbox,
    ...(seccompPolicyDirectory !== undefined && { policyDirectory: seccompPolicyDirectory }),
    onDeath: (message) => {
      end.raise({ kind: 'deviceDeath', message });
    },
  });
  scope.defer('devices', () => devices.stop(DEVICE_GRACE_MS));
  await devices.start(config.devices);
  return devices;
}

async function buildAndRun(context: BuildContext): Promise<void> {
  endPhase('options read');
  const control = new ControlEndpoint(context);
  const threads = new MachineThreads(context);
  endPhase('threads started');
  const devices = await startDevices(context);
  endPhase('device processes started');
  // Loaded now: the devices' processes load on other processors meanwhile.
  const { assembleMachine } = await import('./assemble.ts');
  endPhase('the rest of the code loaded');
  await assembleMachine(context, devices, threads, control);
  await context.end.raised;
}

/**
 * Runs a machine to its end.
 *
 * @returns how it ended.
 * @throws ConfigError or HostError when it could not be built; then nothing of it is left either.
 */
export async function runMachine(config: VmConfig): Promise<MachineEnd> {
  const scope = new Scope('machine');
  const end = new EndSignal();
  end.watchSignals();
  try {
    const epoll = new AsyncEpoll();
    scope.defer('descriptors', () => epoll.close());
    await buildAndRun({ config, scope, end, epoll });
  } catch (error) {
    if (!(error instanceof MachineInterrupted)) {
      throw error;
    }
  } finally {
    await scope.close();
    end.unwatchSignals();
  }
  const reason = await end.raised;
  log(isOrderly(reason) ? 'info' : 'error', 'machine', describeEnd(reason));
  return reason;
}
