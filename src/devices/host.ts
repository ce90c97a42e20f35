/**
 * Entry of every device process: `node host.js KIND`, with the channel to the parent as descriptor 3.
 *
 * Exit status: 0 when the parent has let go of the device, 1 when it failed, which the log and, where it can still be
 * told, the parent says why.
 */
import { constants } from 'node:os';
import { describeError } from '../base/errors.ts';
import { log } from '../base/log.ts';
import { OwnedFd } from '../sys/fd.ts';
import { exitNow, ignoreSignals } from '../sys/process.ts';
import { runDeviceSession } from './device-session.ts';

const CHANNEL_FD = 3;
const { SIGHUP, SIGINT, SIGQUIT, SIGTERM } = constants.signals;

async function main(): Promise<number> {
  const kind = process.argv[2] ?? '';
  try {
    await runDeviceSession({ kind, channelFd: new OwnedFd(CHANNEL_FD), confinable: true });
    return 0;
  } catch (error) {
    log('error', kind, describeError(error));
    return 1;
  }
}

// A terminal and a service manager signal the parent and its devices alike. How the machine ends is the parent's to say;
// and Node would restore a terminal first, which the policy does not allow for.
ignoreSignals(SIGHUP, SIGINT, SIGQUIT, SIGTERM);
// At once: Node's own way out joins threads and runs handlers, which the policy need not allow for.
exitNow(await main());
