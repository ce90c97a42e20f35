/**
 * `npm start`: boots Linux from a root disk, with every device in a jailed process of its own.
 *
 * On a terminal it ends in a shell in the guest. Elsewhere the guest reports about itself and powers off. Either way the
 * device processes are shown as the host's kernel sees them while the machine runs.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../artifacts/sources.ts';
import { describeError } from '../base/errors.ts';
import { kvmRunsLinux } from '../doctor/kvm-checks.ts';
import { ensureGuestImages, type GuestImages } from '../guest-images/guest-images.ts';
import { NESTED_HOST_MARKER } from '../nested-host/command-script.ts';
import { NESTED_CPUS, runNested } from '../nested-host/nested-host.ts';
import { runReport } from './report-run.ts';
import { runShell } from './shell-run.ts';

const NESTED_MEMORY_MIB = 2048;
/** Without a terminal nobody is there to end a machine that hangs. */
const NESTED_TIMEOUT_SECONDS = 600;

function log(line: string): void {
  process.stderr.write(`start: ${line}\n`);
}

/**
 * Runs the program.
 *
 * @returns the exit status: 0 when the guest did what it should and powered off.
 */
export async function start(): Promise<number> {
  const onTerminal = process.stdin.isTTY && process.stdout.isTTY;
  try {
    const images = await ensureGuestImages({ log });
    const isNested = process.env[NESTED_HOST_MARKER] !== undefined;
    const verdict = kvmRunsLinux();
    if (isNested || verdict.canRunLinux) {
      return await runHere(images, onTerminal, isNested);
    }
    log(`using a nested host, because of this one: ${verdict.reason}`);
    return await runNested({
      command: [process.execPath, join(import.meta.dirname, 'main.js')],
      memoryMib: NESTED_MEMORY_MIB,
      cpus: NESTED_CPUS,
      timeoutSeconds: onTerminal ? 0 : NESTED_TIMEOUT_SECONDS,
      interactive: onTerminal,
      log,
    });
  } catch (error) {
    log(describeError(error));
    return 1;
  }
}

async function runHere(
  images: GuestImages,
  onTerminal: boolean,
  isNested: boolean,
): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'crosvm-start-'));
  try {
    const socket = join(directory, 'control.sock');
    const run = { images, project: projectRoot(import.meta.dirname), socket, isNested, log };
    return onTerminal ? await runShell(run) : await runReport(run);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
