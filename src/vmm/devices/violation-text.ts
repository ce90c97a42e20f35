/** Reads the path that a stopped device named, so that the operator sees more than an address. */
import { closeSync, openSync, readSync } from 'node:fs';
import type { Violation } from '../../jail/violation.ts';

/** Which argument of a call points to a path. */
const PATH_ARGUMENT: Readonly<Record<string, number>> = {
  access: 0,
  chdir: 0,
  execve: 0,
  execveat: 1,
  faccessat: 1,
  faccessat2: 1,
  lstat: 0,
  mkdir: 0,
  newfstatat: 1,
  open: 0,
  openat: 1,
  openat2: 1,
  readlink: 0,
  readlinkat: 1,
  stat: 0,
  statx: 1,
  unlink: 0,
  unlinkat: 1,
};
const PATH_BYTES_MAX = 256;

/**
 * The path of a call that takes one. The device may have changed it since: it is a hint, not evidence.
 *
 * @returns undefined for other calls, and where the host does not let the parent look.
 */
export function readViolationPath(
  name: string | undefined,
  violation: Violation,
): string | undefined {
  const argument = name === undefined ? undefined : PATH_ARGUMENT[name];
  const address = argument === undefined ? undefined : violation.args[argument];
  if (address === undefined) {
    return undefined;
  }
  try {
    const memory = openSync(`/proc/${violation.tid}/mem`, 'r');
    try {
      const bytes = Buffer.alloc(PATH_BYTES_MAX);
      const count = readSync(memory, bytes, 0, PATH_BYTES_MAX, address);
      const text = bytes.subarray(0, count).toString('latin1').split('\0', 1)[0] ?? '';
      return text.replaceAll(/[^\x20-\x7e]/g, '?');
    } finally {
      closeSync(memory);
    }
  } catch {
    return undefined;
  }
}
