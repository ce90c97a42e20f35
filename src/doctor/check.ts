/** What the doctor says of one facility of the host, and what it looks at. */
import { accessSync, constants, readFileSync } from 'node:fs';

/** `missing`: machines, or the sandbox, do not work. `warn`: an option does not work, or is slow. */
export type CheckStatus = 'ok' | 'warn' | 'missing';

/** One line of the doctor. */
export interface Check {
  /** The facility, in the words of `docs/`. */
  readonly name: string;
  readonly status: CheckStatus;
  /** What was found, and unless it is fine, what does not work because of it. */
  readonly detail: string;
  /** What to do; empty where all is well. */
  readonly remedy: string;
}

export function ok(name: string, detail: string): Check {
  return { name, status: 'ok', detail, remedy: '' };
}

export function warn(name: string, detail: string, remedy: string): Check {
  return { name, status: 'warn', detail, remedy };
}

export function missing(name: string, detail: string, remedy: string): Check {
  return { name, status: 'missing', detail, remedy };
}

/** The host's files and this process's rights, so that tests can show other hosts. */
export interface HostView {
  /** Text of a file, or undefined where it cannot be read. */
  read(path: string): string | undefined;
  /** May this process open a device for reading and writing? */
  access(path: string): 'ok' | 'absent' | 'denied';
  readonly isRoot: boolean;
}

/** The host that this process runs on. */
export const thisHost: HostView = {
  read(path) {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return undefined;
    }
  },
  access(path) {
    try {
      accessSync(path, constants.R_OK | constants.W_OK);
      return 'ok';
    } catch (error) {
      const isAbsent = error instanceof Error && 'code' in error && error.code === 'ENOENT';
      return isAbsent ? 'absent' : 'denied';
    }
  },
  isRoot: process.geteuid?.() === 0,
};

/** A file of one number, or undefined where there is none. */
export function readNumber(host: HostView, path: string): number | undefined {
  const text = host.read(path)?.trim();
  return text === undefined || !/^-?\d+$/.test(text) ? undefined : Number(text);
}
