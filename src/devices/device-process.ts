/** A device process from its first line to its exit status. */
import { constants } from 'node:os';
import { describeError } from '../base/errors.ts';
import { log } from '../base/log.ts';
import { OwnedFd } from '../sys/fd.ts';
import { exitNow, ignoreSignals } from '../sys/process.ts';
import { runDeviceSession } from './device-session.ts';

const CHANNEL_FD = 3;
const { SIGHUP, SIGINT, SIGQUIT, SIGTERM } = constants.signals;

/**
 * Serves the parent as a device of some kind until it lets go of the device.
 *
 * @param channelFd the channel to the parent; moved.
 * @returns the exit status: 0 when the parent has let go, 1 when the device failed, which the log and, where it can
 *   still be told, the parent says why.
 */
export async function serveDevice(kind: string, channelFd: number): Promise<number> {
  // A terminal and a service manager signal the parent and its devices alike. How the machine ends is the parent's to
  // say; and Node would restore a terminal first, which the policy does not allow for.
  ignoreSignals(SIGHUP, SIGINT, SIGQUIT, SIGTERM);
  try {
    await runDeviceSession({ kind, channelFd: new OwnedFd(channelFd), confinable: true });
    return 0;
  } catch (error) {
    log('error', kind, describeError(error));
    return 1;
  }
}

/** As {@link serveDevice}, then ends the process at once: Node's own way out joins threads, which no policy allows for. */
export async function runDeviceProcess(kind: string): Promise<never> {
  exitNow(await serveDevice(kind, CHANNEL_FD));
}
