/** Runs one VMM with the small guest, bounded in time. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { type GuestLine, parseGuestOutput } from '../../test/guest/firmware/output.ts';

/** A program to start; the guest's COM1 is its standard output, or a file. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly consolePath?: string;
}

export interface Run {
  /** All that the guest wrote. */
  readonly output: Buffer;
  readonly lines: readonly GuestLine[];
  /** From just before the start of the program to the first byte on its standard output, ms. */
  readonly firstByteMs: number;
  /** CPU time of the program and of what it waited for, start to end, ms; the kernel counts it in steps of 10. */
  readonly cpuMs: number;
}

export interface RunOptions {
  readonly limitMs?: number;
  /** Called once, when the guest has written a line that starts with `stopAt`; then the program is killed. */
  readonly stopAt?: { readonly word: string; readonly look: (pid: number) => void };
  /** Called for each line of the guest as it comes, with the process that was started. */
  readonly onLine?: (line: GuestLine, pid: number) => void;
}

const LIMIT_MS = 60_000;
const TICK_MS = 10;
/** Fields of /proc/PID/stat after the name, from 0: user and system time of children that were waited for. */
const CHILDREN_USER = 13;
const CHILDREN_SYSTEM = 14;

function childrenCpuMs(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ').pop()?.split(' ') ?? [];
  return (Number(fields[CHILDREN_USER]) + Number(fields[CHILDREN_SYSTEM])) * TICK_MS;
}

/** Gathers what the guest writes, and looks when it has come to the point. */
class Watch {
  output = '';
  firstByteMs = Number.NaN;
  stopped = false;
  readonly #child: ChildProcess;
  readonly #stopAt: RunOptions['stopAt'];
  readonly #onLine: RunOptions['onLine'];
  readonly #start: number;
  /** Where in the output the first line starts that was not told yet. */
  #told = 0;

  constructor(child: ChildProcess, { stopAt, onLine }: RunOptions, start: number) {
    this.#child = child;
    this.#stopAt = stopAt;
    this.#onLine = onLine;
    this.#start = start;
  }

  take(bytes: Buffer): void {
    if (this.output === '') {
      this.firstByteMs = performance.now() - this.#start;
    }
    this.output += bytes.toString();
    this.#tellLines();
    if (!this.stopped && this.#stopAt !== undefined && this.#hasLine(this.#stopAt.word)) {
      this.stopped = true;
      this.#stopAt.look(this.#child.pid ?? 0);
      this.#child.kill('SIGTERM');
    }
  }

  #tellLines(): void {
    const end = this.output.lastIndexOf('\n') + 1;
    if (this.#onLine === undefined || end <= this.#told) {
      return;
    }
    for (const line of parseGuestOutput(this.output.slice(this.#told, end))) {
      this.#onLine(line, this.#child.pid ?? 0);
    }
    this.#told = end;
  }

  #hasLine(word: string): boolean {
    return this.output.includes(`\n${word}\n`) || this.output.includes(`\n${word} `);
  }
}

/**
 * Runs a command to its end.
 *
 * @throws Error when it takes too long or, unless stopped on purpose, the guest did not come to its end.
 */
export async function run(command: Command, options: RunOptions = {}): Promise<Run> {
  const cpuBefore = childrenCpuMs();
  const start = performance.now();
  const child = spawn(command.program, command.args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const watch = new Watch(child, options, start);
  const errors: string[] = [];
  const timer = setTimeout(() => child.kill('SIGKILL'), options.limitMs ?? LIMIT_MS);
  child.stdout.on('data', (bytes: Buffer) => {
    watch.take(bytes);
  });
  child.stderr.on('data', (bytes: Buffer) => {
    errors.push(bytes.toString());
  });
  await new Promise<void>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', () => {
      resolve();
    });
  });
  clearTimeout(timer);
  const output =
    command.consolePath === undefined
      ? Buffer.from(watch.output)
      : readFileSync(command.consolePath);
  const lines = parseGuestOutput(output.toString());
  if (!watch.stopped && !lines.some((line) => line.word === 'done')) {
    throw new Error(
      `${command.program} ended before its guest:\n${output.toString()}${errors.join('')}`,
    );
  }
  return { output, lines, firstByteMs: watch.firstByteMs, cpuMs: childrenCpuMs() - cpuBefore };
}
