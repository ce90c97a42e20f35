/** The small guest of test/guest/firmware: its image, its disks, and runs of it. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { projectRoot } from '../../src/artifacts/sources.ts';
import { type GuestLine, parseGuestOutput } from '../guest/firmware/output.ts';
import {
  type Cleanup,
  type CrosvmEnd,
  type CrosvmOptions,
  type CrosvmProcess,
  runCrosvm,
  startCrosvm,
} from './crosvm-process.ts';

let image: string | undefined;

/** Path of the image; built when a source of it has changed. */
export function smallGuestImage(): string {
  if (image === undefined) {
    const script = join(projectRoot(import.meta.dirname), 'test/guest/firmware/build.mjs');
    const directory = join(import.meta.dirname, '../../guest');
    image = execFileSync(process.execPath, [script, directory], { encoding: 'utf8' }).trim();
  }
  return image;
}

/** How devices run: each test of a whole machine is made both ways. */
export const SANDBOX_MODES = [
  { name: 'jailed', args: [] },
  { name: 'with --disable-sandbox', args: ['--disable-sandbox'] },
] as const;

/** How a run of the small guest ended, with what it printed. */
export interface SmallGuestEnd extends CrosvmEnd {
  readonly lines: readonly GuestLine[];
}

/** A run of the small guest. */
export interface SmallGuestRun {
  /** Words for the guest: options for all programs, then programs with their own. */
  readonly words: string;
  /** Options of `crosvm run`. */
  readonly args?: readonly string[];
  /** Tells the guest's own ends apart by the exit code; by default it does. */
  readonly extendedStatus?: boolean;
  readonly options?: CrosvmOptions & { readonly timeoutMs?: number };
}

function commandLine({ words, args = [], extendedStatus = true }: SmallGuestRun): string[] {
  const global = extendedStatus ? ['--extended-status'] : [];
  return [...global, 'run', ...args, '--params', words, smallGuestImage()];
}

/** Starts the guest and leaves it running. */
export function startSmallGuest(t: Cleanup, run: SmallGuestRun): CrosvmProcess {
  return startCrosvm(t, commandLine(run), run.options);
}

/** Runs the guest to its end. */
export async function runSmallGuest(t: Cleanup, run: SmallGuestRun): Promise<SmallGuestEnd> {
  const end = await runCrosvm(t, commandLine(run), run.options);
  return { ...end, lines: parseGuestOutput(end.stdout) };
}

/** Everything of a run, for the message of a failed assertion. */
export function describeRun({ code, stdout, stderr }: CrosvmEnd): string {
  return `exit code ${code}\n${stdout}\n${stderr}`;
}
