/**
 * Entry of a device that runs in a worker thread of the parent (`--disable-sandbox`): the same session, without
 * confinement. `workerData` is `{ kind, channelFd }`; the descriptor is moved to this thread.
 */
import { workerData } from 'node:worker_threads';
import { OwnedFd } from '../sys/fd.ts';
import { runDeviceSession } from './device-session.ts';

/** What the parent passes as `workerData`. */
export interface HostWorkerData {
  readonly kind: string;
  readonly channelFd: number;
}

// CAST: the parent made it, in this program.
const { kind, channelFd } = workerData as HostWorkerData;
void runDeviceSession({ kind, channelFd: new OwnedFd(channelFd), confinable: false });
