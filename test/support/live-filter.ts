/** The kernel's verdict on system calls, as errno values of a process that put itself under a program. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { SECCOMP_RET_DATA, SECCOMP_RET_ERRNO } from '../../src/seccomp/actions.ts';
import { emulate } from '../../src/seccomp/emulator.ts';
import type { SeccompData } from '../../src/seccomp/policy.ts';
import type { LiveOrder } from './seccomp-live-child.ts';

const CHILD = fileURLToPath(new URL('./seccomp-live-child.js', import.meta.url));

/** The kernel itself returns no errno from here on, so these can only come from a filter. */
export const FILTER_ERRNO_MIN = 3000;

/** How the process went. */
export interface LiveRun {
  /** The errno of each call, 0 for success; null if the process did not live to tell. */
  readonly errnos: readonly number[] | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

/** Runs calls under a program in a process of their own. @param flags of Node. */
export function runUnderFilter(
  program: Uint8Array,
  calls: readonly SeccompData[],
  flags: readonly string[] = [],
): LiveRun {
  const order: LiveOrder = {
    program: Buffer.from(program).toString('base64'),
    calls: calls.map(({ nr, args }) => [
      nr,
      ...Array.from({ length: 6 }, (_, index) => `0x${(args[index] ?? 0n).toString(16)}`),
    ]),
  };
  const { stdout, stderr, signal } = spawnSync(process.execPath, [...flags, CHILD], {
    input: JSON.stringify(order),
    encoding: 'utf8',
    timeout: 60_000,
    maxBuffer: 64 << 20,
  });
  const parsed: unknown = stdout === '' ? null : JSON.parse(stdout);
  const errnos = Array.isArray(parsed) ? parsed.map(Number) : null;
  return { errnos, signal, stderr };
}

/** The errno that a filter answers with, or `pass` for a call that the kernel carries out. */
export type FilterAnswer = number | 'pass';

/** What the interpreter says. */
export function predict(program: Uint8Array, call: SeccompData): FilterAnswer {
  const { value } = emulate(program, call);
  const data = value & SECCOMP_RET_DATA;
  return (value - data) >>> 0 === SECCOMP_RET_ERRNO ? data : 'pass';
}

/** What the kernel said. */
export function observed(errno: number | undefined): FilterAnswer {
  return errno !== undefined && errno >= FILTER_ERRNO_MIN ? errno : 'pass';
}

/** Calls on which the kernel and the interpreter disagree, in words. */
export function disagreements(
  errnos: readonly number[],
  program: Uint8Array,
  calls: readonly SeccompData[],
): readonly string[] {
  return calls.flatMap((call, index) => {
    const [kernel, interpreter] = [observed(errnos[index]), predict(program, call)];
    const args = call.args.map((arg) => `0x${arg.toString(16)}`).join(', ');
    return kernel === interpreter
      ? []
      : [`${call.nr}(${args}): kernel ${kernel}, interpreter ${interpreter}`];
  });
}
