/** Runs `crosvm` as a process of its own, with everything bounded in time and nothing left behind by a failed test. */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { NESTED_HOST_MARKER } from '../../src/nested-host/command-script.ts';
import { findDescendants, killProcess } from './process-tree.ts';

/** As much of a tap test as is needed here. */
export interface Cleanup {
  teardown(action: () => unknown): void;
}

/** How a process ended. */
export interface CrosvmEnd {
  /** Exit code; 128 + N after signal N. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CrosvmOptions {
  /** Program and arguments that run it, `setpriv --reuid=1000` for example; it must become the command it is given. */
  readonly wrapper?: readonly string[];
  readonly cwd?: string;
  /** The script to run instead of {@link CROSVM}: a copy of the project, for example. */
  readonly program?: string;
  /** Variables besides our own. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Script of the program under test. */
export const CROSVM = join(import.meta.dirname, 'crosvm-main.js');

/** An emulated host is ten to twenty times slower, a busy one three times: nothing of a time-out is ever waited for. */
export const TIMEOUT_MS = process.env[NESTED_HOST_MARKER] === undefined ? 60_000 : 150_000;

const living = new Set<CrosvmProcess>();
process.on('exit', () => {
  for (const machine of living) {
    machine.killAll();
  }
});

/** One run of `crosvm`. */
export class CrosvmProcess {
  /** The process that was started: the parent of all device processes. */
  readonly pid: number;
  /** Resolves when it has ended and its output is complete. */
  readonly ended: Promise<CrosvmEnd>;
  stdout = '';
  stderr = '';
  readonly #child: ChildProcess;
  #onOutput: () => void = () => undefined;

  constructor(args: readonly string[], options: CrosvmOptions = {}) {
    const words = [...(options.wrapper ?? []), process.execPath, options.program ?? CROSVM];
    const [command = process.execPath, ...rest] = words;
    this.#child = spawn(command, [...rest, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
      ...(options.cwd !== undefined && { cwd: options.cwd }),
    });
    if (this.#child.pid === undefined) {
      throw new Error(`${command} cannot be started`);
    }
    this.pid = this.#child.pid;
    living.add(this);
    this.#child.stdin?.on('error', () => undefined);
    // latin1: a guest may print any byte, in pieces.
    this.#child.stdout?.setEncoding('latin1').on('data', (text: string) => {
      this.stdout += text;
      this.#onOutput();
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
      this.#onOutput();
    });
    this.ended = new Promise((resolve) => {
      this.#child.on('close', (code, signal) => {
        living.delete(this);
        this.#onOutput();
        const number = signal === null ? 0 : constants.signals[signal];
        resolve({ code: code ?? 128 + number, stdout: this.stdout, stderr: this.stderr });
      });
    });
  }

  /** False once it has ended. */
  get isRunning(): boolean {
    return living.has(this);
  }

  /** Writes to its standard input. */
  type(text: string): void {
    this.#child.stdin?.write(text);
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /**
   * Waits until its standard output or standard error holds the text.
   *
   * @throws Error with all output when it ends before, or when the time is out.
   */
  async waitFor(marker: string, timeoutMs = TIMEOUT_MS): Promise<void> {
    const isThere = (): boolean => this.stdout.includes(marker) || this.stderr.includes(marker);
    const deadline = performance.now() + timeoutMs;
    while (!isThere()) {
      const left = deadline - performance.now();
      if (!this.isRunning || left <= 0) {
        const reason = left <= 0 ? `did not come within ${timeoutMs} ms` : 'never came';
        throw new Error(`"${marker}" ${reason}\n${this.describe()}`);
      }
      await this.#nextOutput(left);
    }
  }

  /**
   * Waits for its end.
   *
   * @throws Error with all output when the time is out; then it is killed.
   */
  async end(timeoutMs = TIMEOUT_MS): Promise<CrosvmEnd> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(resolve, timeoutMs, undefined);
    });
    const end = await Promise.race([this.ended, late]);
    clearTimeout(timer);
    if (end === undefined) {
      const output = this.describe();
      this.killAll();
      throw new Error(`it did not end within ${timeoutMs} ms\n${output}`);
    }
    return end;
  }

  /** Its device processes, and whatever else it has started, by process id. */
  descendants(): number[] {
    return findDescendants(this.pid);
  }

  /** Kills it and everything that it started, in no order. */
  killAll(): void {
    if (this.isRunning) {
      const pids = this.descendants();
      this.#child.kill('SIGKILL');
      pids.forEach(killProcess);
    }
  }

  /** What it wrote, for messages. */
  describe(): string {
    return `--- standard output\n${this.stdout}\n--- standard error\n${this.stderr}\n---`;
  }

  #nextOutput(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#onOutput = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** Starts `crosvm` with these arguments; the test's end kills what is left of it. */
export function startCrosvm(
  t: Cleanup,
  args: readonly string[],
  options: CrosvmOptions = {},
): CrosvmProcess {
  const started = new CrosvmProcess(args, options);
  t.teardown(async () => {
    started.killAll();
    await started.ended;
  });
  return started;
}

/** Runs `crosvm` to its end. */
export async function runCrosvm(
  t: Cleanup,
  args: readonly string[],
  options: CrosvmOptions & { readonly timeoutMs?: number } = {},
): Promise<CrosvmEnd> {
  return startCrosvm(t, args, options).end(options.timeoutMs);
}

/** What no run may print, whatever its guest does: a stack trace, or words for a mistake of ours. */
export const SIGNS_OF_A_MISTAKE =
  /^\s+at .*:\d+:\d+\)?$|internal error|assertion|unhandled|uncaught|TypeError|RangeError|ReferenceError/im;
