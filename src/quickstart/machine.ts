/** Runs `crosvm run` as a child process and hands out what its guest writes on the console. */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { HostError } from '../base/errors.ts';

/** A machine to start. */
export interface MachineOptions {
  /** The project's root. */
  readonly project: string;
  /** Arguments after `crosvm run`. */
  readonly args: readonly string[];
  /** Whether the guest's console takes our standard input, or what {@link Machine.type} sends. */
  readonly ownsTerminal: boolean;
  /** Told what the guest writes. */
  readonly onOutput: (text: string) => void;
}

/** A started machine. */
export interface Machine {
  /** Id of the `crosvm run` process, the parent of all device processes. */
  readonly pid: number;
  /** Types on the guest's console. */
  type(text: string): void;
  /** Ends the machine from outside. */
  stop(): void;
  /** The exit status, 128 + N after signal N. */
  readonly ended: Promise<number>;
}

/** How long an orderly end may take. */
const STOP_GRACE_MS = 10_000;

export function startMachine(options: MachineOptions): Machine {
  const program = join(options.project, 'bin/crosvm');
  const child = spawn(process.execPath, [program, 'run', ...options.args], {
    stdio: [options.ownsTerminal ? 'inherit' : 'pipe', 'pipe', 'inherit'],
  });
  if (child.pid === undefined) {
    throw new HostError('ERR_MACHINE_START', `${program} cannot be started`);
  }
  child.stdin?.on('error', () => undefined);
  child.stdout?.setEncoding('utf8').on('data', options.onOutput);
  return {
    pid: child.pid,
    type: (text) => child.stdin?.write(text),
    stop: () => {
      stopChild(child);
    },
    ended: new Promise((resolve) => {
      child.on('close', (code, signal) => {
        resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
      });
    }),
  };
}

function stopChild(child: ChildProcess): void {
  child.kill('SIGTERM');
  setTimeout(() => child.kill('SIGKILL'), STOP_GRACE_MS).unref();
}
