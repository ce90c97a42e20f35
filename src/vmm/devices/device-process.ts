/**
 * One device and whatever runs it: a jailed process, or with `--disable-sandbox` a worker thread. Both speak the same
 * protocol over the same kind of socket; nothing after this file knows the difference.
 */
import { Worker } from 'node:worker_threads';
import type { JailApplication } from '../../jail/application.ts';
import { type DeviceProcess, type ProcessEnd } from '../../jail/device-process.ts';
import type { JailProfile } from '../../jail/profile.ts';
import { spawnDevices } from '../../jail/spawn.ts';
import type { AsyncEpoll } from '../../sys/async-epoll.ts';
import { EPOLLIN } from '../../sys/epoll.ts';
import type { OwnedFd } from '../../sys/fd.ts';
import { createPipe } from '../../sys/pipe.ts';
import { threadScript } from '../project-files.ts';
import { ProcessOutput } from './process-output.ts';

/** A running device. */
export interface RunningDevice {
  /** Process id; 0 for a thread of the parent. */
  readonly pid: number;
  /** Resolves with words for how it ended. */
  readonly ended: Promise<string>;
  /** Ends it at once. A thread ends with its channel instead. */
  kill(): void;
}

export interface RunDeviceOptions {
  readonly name: string;
  readonly kind: string;
  readonly index: number;
  readonly epoll: AsyncEpoll;
  /** Its end of the channel; moved. */
  readonly channel: OwnedFd;
}

function describeProcessEnd(end: ProcessEnd): string {
  return end.kind === 'exited'
    ? `exited with code ${end.code}`
    : `was killed by signal ${end.signal}`;
}

/** Resolves when the process has ended, which its pidfd tells; it is reaped by then. */
function waitForEnd(child: DeviceProcess, epoll: AsyncEpoll): Promise<string> {
  return new Promise((resolve) => {
    epoll.add(child.pidfd, EPOLLIN, () => {
      const end = child.poll();
      if (end !== undefined) {
        epoll.remove(child.pidfd);
        child[Symbol.dispose]();
        resolve(describeProcessEnd(end));
      }
    });
  });
}

/** A device to be started in a jail. */
export interface JailedRun extends RunDeviceOptions {
  readonly profile: JailProfile;
  readonly application: JailApplication;
}

/**
 * Starts jailed device processes.
 *
 * @returns them in the order of the argument.
 * @throws see `spawnDevices`: never is a device started without its jail, and none is left if one cannot be started.
 */
export function runJailedDevices(runs: readonly JailedRun[]): RunningDevice[] {
  const prepared = runs.map((run) => ({ run, output: createPipe() }));
  try {
    const spawns = prepared.map(({ run, output }) => ({
      ...{ profile: run.profile, application: run.application, index: run.index },
      ...{ args: [run.kind], channel: run.channel.raw, output: output.writeEnd.raw },
    }));
    const children = spawnDevices(spawns);
    return prepared.flatMap(({ run, output }, position) => {
      const child = children[position];
      return child === undefined ? [] : [superviseChild(run, child, output.readEnd)];
    });
  } catch (error) {
    for (const { output } of prepared) {
      output.readEnd.close();
    }
    throw error;
  } finally {
    for (const { run, output } of prepared) {
      run.channel.close();
      output.writeEnd.close();
    }
  }
}

function superviseChild(
  { name, epoll }: RunDeviceOptions,
  child: DeviceProcess,
  output: OwnedFd,
): RunningDevice {
  // Closes itself when the process has closed its end.
  new ProcessOutput(name, output, epoll);
  return {
    pid: child.pid,
    ended: waitForEnd(child, epoll),
    kill: () => {
      child.kill();
    },
  };
}

/** Starts a device in a thread of this process, without any confinement. */
export function runDeviceThread(options: RunDeviceOptions): RunningDevice {
  const worker = new Worker(threadScript('deviceHostWorker'), {
    name: options.name,
    workerData: { kind: options.kind, channelFd: options.channel.take() },
  });
  return {
    pid: 0,
    ended: new Promise((resolve) => {
      worker.on('error', (error) => {
        resolve(`failed: ${error.message}`);
      });
      worker.on('exit', (code) => {
        resolve(`ended with code ${code}`);
      });
    }),
    kill: () => undefined,
  };
}
