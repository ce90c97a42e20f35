/** The kernel command line: what the machine needs, the root disk, then what the user asked for, so that it wins. */
import { ConfigError } from '../base/errors.ts';
import { CMDLINE, CMDLINE_MAX } from '../memory/layout.ts';
import type { BootMemory } from './boot-memory.ts';

/** What a command line is made of. */
export interface CmdlineParts {
  /** The guest's console, such as `ttyS0` or `hvc0`; without one the kernel chooses. */
  readonly console?: string;
  /** Arguments that name the root file system, such as `root=/dev/vda ro`. */
  readonly root?: string;
  /** The user's own arguments, in the order given. */
  readonly params?: readonly string[];
}

/** Reset through the keyboard controller; reboot, that is exit, at once on a panic. */
const BASE_ARGUMENTS = ['reboot=k', 'panic=-1'];

/** Joins the parts; the user's arguments come last because the kernel takes the last of two equal ones. */
export function buildCmdline(parts: CmdlineParts): string {
  const console = parts.console === undefined ? [] : [`console=${parts.console}`];
  const root = parts.root === undefined ? [] : [parts.root];
  return [...console, ...BASE_ARGUMENTS, ...root, ...(parts.params ?? [])].join(' ');
}

/**
 * Checks a command line and puts it, with its NUL, where the kernel looks for it.
 *
 * @param kernelMaxBytes the longest that the kernel takes, without the NUL.
 * @returns its address.
 * @throws ERR_CMDLINE_TOO_LONG, ERR_CMDLINE_NUL
 */
export function writeCmdline(memory: BootMemory, cmdline: string, kernelMaxBytes: number): number {
  const bytes = Buffer.from(`${cmdline}\0`, 'utf8');
  const limit = Math.min(CMDLINE_MAX - 1, kernelMaxBytes);
  const length = bytes.length - 1;
  if (length > limit) {
    throw new ConfigError(
      'ERR_CMDLINE_TOO_LONG',
      `the kernel command line has ${length} bytes, but this kernel takes ${limit}; shorten --params`,
    );
  }
  if (bytes.indexOf(0) !== length) {
    throw new ConfigError(
      'ERR_CMDLINE_NUL',
      'the kernel command line holds a NUL, which would end it early; remove it from --params',
    );
  }
  memory.write(CMDLINE, bytes);
  return CMDLINE;
}
