/** Opens what a serial port is connected to, before the machine starts, so that a wrong path is the user's to mend. */
import { closeSync, constants, openSync } from 'node:fs';
import { ConfigError, describeError } from '../../base/errors.ts';
import { errnoName } from '../../sys/errno.ts';
import { OwnedFd, setNonBlocking } from '../../sys/fd.ts';
import { fileKind, reopenNonBlocking } from '../../sys/terminal.ts';
import { connectUnix, SOCK_DGRAM, SOCK_STREAM } from '../../sys/unix-socket.ts';
import type { SerialConfig } from '../config.ts';

const STDIN = 0;
const STDOUT = 1;

/** Descriptors of one port, as numbers that can be handed to the machine thread, which owns them from then on. */
export interface SerialEndpoints {
  /** -1 for a port whose output is discarded. */
  readonly outputFd: number;
  /** -1 for a port without input. */
  readonly inputFd: number;
}

function openOrExplain(option: string, path: string, flags: number): number {
  try {
    return openSync(path, flags, 0o600);
  } catch (error) {
    throw new ConfigError('ERR_SERIAL_PATH', `--serial ${option}: cannot be opened`, {
      cause: describeError(error),
    });
  }
}

/**
 * A second open file for standard output that does not block. A socket or a file has none; a socket is shared by
 * whoever gave it to us, but only O_NONBLOCK keeps a stuck reader from stopping the machine.
 */
function openStdout(): number {
  const kind = fileKind(STDOUT);
  const reopened = kind === 'terminal' || kind === 'pipe' ? reopenNonBlocking(STDOUT) : undefined;
  if (reopened !== undefined) {
    return reopened.take();
  }
  const copy = openCopy(STDOUT);
  if (kind !== 'other') {
    setNonBlocking(copy.raw, true);
  }
  return copy.take();
}

function openCopy(fd: number): OwnedFd {
  const borrowed = new OwnedFd(fd);
  try {
    return borrowed.dup();
  } finally {
    borrowed.take();
  }
}

function connectOutput(path: string): number {
  let connected = connectUnix(path, SOCK_STREAM);
  if (typeof connected === 'number') {
    connected = connectUnix(path, SOCK_DGRAM);
  }
  if (typeof connected === 'number') {
    throw new ConfigError(
      'ERR_SERIAL_PATH',
      `--serial path=${path}: no socket listens there (${errnoName(connected)})`,
    );
  }
  setNonBlocking(connected.raw, true);
  return connected.take();
}

function openOutput(config: SerialConfig): number {
  const { output } = config;
  switch (output.type) {
    case 'sink':
      return -1;
    case 'stdout':
      return openStdout();
    case 'unix':
      return connectOutput(output.path);
    case 'file': {
      const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND;
      return openOrExplain(`path=${output.path}`, output.path, flags);
    }
  }
}

function openInput(config: SerialConfig, outputFd: number): number {
  if (config.stdin) {
    return openCopy(STDIN).take();
  }
  if (config.inputPath !== undefined) {
    const flags = constants.O_RDONLY | constants.O_NONBLOCK;
    return openOrExplain(`input=${config.inputPath}`, config.inputPath, flags);
  }
  // What comes in on a socket goes to the guest.
  return config.output.type === 'unix' ? openCopy(outputFd).take() : -1;
}

/**
 * Opens both ends of every port.
 *
 * @throws ERR_SERIAL_PATH with nothing left open.
 */
export function openSerialEndpoints(configs: readonly SerialConfig[]): readonly SerialEndpoints[] {
  const opened: SerialEndpoints[] = [];
  try {
    for (const config of configs) {
      const outputFd = openOutput(config);
      opened.push({ outputFd, inputFd: openInput(config, outputFd) });
    }
    return opened;
  } catch (error) {
    for (const { outputFd, inputFd } of opened) {
      [outputFd, inputFd].filter((fd) => fd >= 0).forEach(closeSync);
    }
    throw error;
  }
}
