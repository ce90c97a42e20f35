/** Where the control socket lies, and whose it is when something lies there already. */
import { lstatSync, statSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../base/errors.ts';
import { ECONNREFUSED } from '../sys/errno.ts';
import { connectSeqpacket } from '../sys/unix-socket.ts';

/** The path for `--socket`: a directory gets a name with the process id in it, anything else is the name. */
export function resolveSocketPath(option: string, pid: number): string {
  return statSync(option, { throwIfNoEntry: false })?.isDirectory() === true
    ? join(option, `crosvm-${pid}.sock`)
    : option;
}

/**
 * Makes a path free for a new socket: removes the socket of a machine that is dead, and nothing else.
 *
 * @throws ERR_SOCKET_IN_USE, ERR_SOCKET_NOT_A_SOCKET
 */
export function clearStaleSocket(path: string): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) {
    return;
  }
  if (!stat.isSocket()) {
    throw new ConfigError(
      'ERR_SOCKET_NOT_A_SOCKET',
      `--socket ${path}: this path exists and is not a socket; name one that does not exist, or a directory`,
    );
  }
  const result = connectSeqpacket(path);
  if (result === ECONNREFUSED) {
    // Nobody listens: its machine was killed.
    unlinkSync(path);
    return;
  }
  if (typeof result !== 'number') {
    result.close();
  }
  throw new ConfigError(
    'ERR_SOCKET_IN_USE',
    `--socket ${path}: this socket path already exists and belongs to a running program; stop it or name another path`,
  );
}
