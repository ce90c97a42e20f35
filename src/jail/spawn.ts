/**
 * Starts a device process in the jail that its profile describes.
 *
 * To be called in the main thread: the kernel kills a jailed process when the *thread* that started it ends.
 */
import { closeSync, openSync } from 'node:fs';
import { assert } from '../base/assert.ts';
import { NativeError, type NativeSpawnOptions, spawnAllJailed } from '../sys/native.ts';
import type { JailApplication } from './application.ts';
import { DeviceProcess } from './device-process.ts';
import { callerIdentity, chooseIdentity } from './identity.ts';
import { namespaceFlags } from './namespaces.ts';
import type { JailProfile } from './profile.ts';
import { nativeRlimits } from './rlimits.ts';
import {
  checkReadableByOthers,
  JAIL_ENVIRONMENT,
  JAILED_NODE,
  ROOT_SIZE_BYTES,
  rootMounts,
} from './root.ts';
import { explainSpawnFailure, readNamespaceSettings } from './userns.ts';

/** Where a device process finds its channel to the parent. */
export const CHANNEL_FD = 3;
/** The same for every device: the host's own name is none of its business. */
const HOSTNAME = 'device';
/** Any directory does; it is covered for an instant, in the child's mount namespace only. */
const STAGING_DIRECTORY = '/tmp';

export interface SpawnDeviceOptions {
  readonly application: JailApplication;
  /** Number of the device in its machine. */
  readonly index: number;
  /** Arguments of the entry script: the device kind and the like, nothing confidential. */
  readonly args: readonly string[];
  /** Its end of the channel; borrowed, appears as {@link CHANNEL_FD}. */
  readonly channel: number;
  /** Takes what the process writes to its standard output and error; borrowed. */
  readonly output: number;
}

function spawnOptions(
  profile: JailProfile,
  options: SpawnDeviceOptions,
  devNull: number,
): NativeSpawnOptions {
  const { dedicatedHostId, ...identity } = chooseIdentity(callerIdentity(), options.index);
  const mounts = [...rootMounts(options.application), ...profile.mounts];
  if (dedicatedHostId !== undefined) {
    checkReadableByOthers(mounts);
  }
  return {
    ...identity,
    namespaces: namespaceFlags(profile.namespaces),
    hostname: HOSTNAME,
    stagingDirectory: STAGING_DIRECTORY,
    rootSizeBytes: ROOT_SIZE_BYTES,
    mounts,
    rlimits: nativeRlimits(profile.rlimits),
    fds: [
      { from: devNull, to: 0 },
      { from: options.output, to: 1 },
      { from: options.output, to: 2 },
      { from: options.channel, to: CHANNEL_FD },
    ],
    path: JAILED_NODE,
    argv: [JAILED_NODE, ...profile.v8Flags, options.application.entry, ...options.args],
    env: JAIL_ENVIRONMENT,
  };
}

/** One device process to be started. */
export interface DeviceSpawn extends SpawnDeviceOptions {
  readonly profile: JailProfile;
}

/**
 * Starts device processes, their jails built side by side. Returns when Node is being executed in all of them; it then
 * needs some time to run its script, so wait for none before all are started.
 *
 * @returns the processes in the order of the argument.
 * @throws ERR_JAIL_USERNS when the host forbids jails, ERR_JAIL_SPAWN naming the step that failed, ERR_JAIL_UNREADABLE,
 *   ERR_JAIL_LIBRARY, ERR_JAIL_ELF. No process is left in any of these cases.
 */
export function spawnDevices(spawns: readonly DeviceSpawn[]): DeviceProcess[] {
  const devNull = openSync('/dev/null', 'r+');
  try {
    const plans = spawns.map((spawn) => spawnOptions(spawn.profile, spawn, devNull));
    return spawnAllJailed(plans).map(({ pid, pidfd }) => new DeviceProcess(pid, pidfd));
  } catch (error) {
    throw error instanceof NativeError
      ? explainSpawnFailure(error, readNamespaceSettings())
      : error;
  } finally {
    closeSync(devNull);
  }
}

/** Starts one device process; see {@link spawnDevices}. */
export function spawnDevice(profile: JailProfile, options: SpawnDeviceOptions): DeviceProcess {
  const [process] = spawnDevices([{ ...options, profile }]);
  assert(process !== undefined, 'one plan makes one process');
  return process;
}
