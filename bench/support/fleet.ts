/**
 * Machines that stay until they are stopped, and that are gone when the benchmark is, however it ends.
 *
 * Each is started by setpriv(1) with a parent-death signal: where the benchmark is killed outright, the kernel ends the
 * machines, and they their devices. Only processes that were started here are ever signalled.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { processTree } from './process-memory.ts';
import type { Command } from './run.ts';

const READY_LIMIT_MS = 120_000;
const STOP_LIMIT_MS = 60_000;
/** What is kept of a machine's output: the guest's few lines, or what went wrong. */
const OUTPUT_MAX = 65_536;

const hasSetpriv = spawnSync('setpriv', ['--version']).status === 0;

function startProcess({ program, args }: Command): ChildProcess {
  const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe'];
  return hasSetpriv
    ? spawn('setpriv', ['--pdeathsig', 'KILL', '--', program, ...args], { stdio })
    : spawn(program, args, { stdio });
}

/** One running machine. */
export class RunningMachine {
  readonly #child: ChildProcess;
  readonly #start = performance.now();
  readonly #ended: Promise<void>;
  #output = '';
  #hasEnded = false;
  #firstByteMs = Number.NaN;
  #look: () => void = () => undefined;

  constructor(command: Command) {
    this.#child = startProcess(command);
    const gather = (bytes: Buffer): void => {
      this.#output = (this.#output + bytes.toString()).slice(-OUTPUT_MAX);
      this.#look();
    };
    this.#child.stdout?.once('data', () => {
      this.#firstByteMs = performance.now() - this.#start;
    });
    this.#child.stdout?.on('data', gather);
    this.#child.stderr?.on('data', gather);
    this.#ended = new Promise((resolve) => {
      const end = (): void => {
        this.#hasEnded = true;
        this.#look();
        resolve();
      };
      this.#child.once('close', end);
      this.#child.once('error', end);
    });
  }

  /** The first process and all below it. */
  get pids(): readonly number[] {
    return this.#hasEnded || this.#child.pid === undefined ? [] : processTree(this.#child.pid);
  }

  /** From the start to the first byte that the guest wrote, ms. */
  get firstByteMs(): number {
    return this.#firstByteMs;
  }

  get output(): string {
    return this.#output;
  }

  /**
   * Waits until the guest has said that it sleeps.
   *
   * @throws Error with the machine's output when it ends, or does not come so far.
   */
  async idle(): Promise<void> {
    const isIdle = (): boolean => /^idle\s*$/m.test(this.#output);
    const reached = new Promise<void>((resolve) => {
      this.#look = () => {
        if (this.#hasEnded || isIdle()) {
          resolve();
        }
      };
      this.#look();
    });
    const limit = new AbortController();
    await Promise.race([reached, sleep(READY_LIMIT_MS, undefined, { signal: limit.signal })]);
    limit.abort();
    this.#look = () => undefined;
    if (this.#hasEnded || !isIdle()) {
      throw new Error(`a machine did not come so far as to sleep:\n${this.#output}`);
    }
  }

  /** Waits for its end, at most so long. @returns false when it has not ended. */
  async end(limitMs: number): Promise<boolean> {
    const limit = new AbortController();
    await Promise.race([this.#ended, sleep(limitMs, undefined, { signal: limit.signal })]);
    limit.abort();
    return this.#hasEnded;
  }

  signal(name: 'SIGTERM' | 'SIGKILL'): void {
    this.#child.kill(name);
  }
}

/** Machines that are stopped together. */
export class Fleet implements AsyncDisposable {
  readonly #machines: RunningMachine[] = [];
  readonly #onExit = (): void => {
    for (const machine of this.#machines) {
      machine.signal('SIGKILL');
    }
  };
  readonly #onSignal = (): void => {
    this.#onExit();
    process.exit(1);
  };

  constructor() {
    process.on('exit', this.#onExit);
    process.on('SIGINT', this.#onSignal);
    process.on('SIGTERM', this.#onSignal);
  }

  get machines(): readonly RunningMachine[] {
    return this.#machines;
  }

  /** Every process of every machine. */
  get pids(): readonly number[] {
    return this.#machines.flatMap(({ pids }) => pids);
  }

  start(command: Command): RunningMachine {
    const machine = new RunningMachine(command);
    this.#machines.push(machine);
    return machine;
  }

  /**
   * Starts machines, `parallel` at a time, and returns when the guests of all of them sleep.
   *
   * @throws Error of the first that does not come so far; no more are started then.
   */
  async startAll(commands: readonly Command[], parallel: number): Promise<void> {
    const waiting = [...commands];
    const startNext = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        try {
          await this.start(next).idle();
        } catch (error) {
          waiting.length = 0;
          throw error;
        }
      }
    };
    await Promise.all(Array.from({ length: parallel }, startNext));
  }

  /**
   * Asks all to end, and waits for it.
   *
   * @returns how long that took, ms.
   * @throws Error when one had to be killed.
   */
  async stop(): Promise<number> {
    const start = performance.now();
    const machines = this.#machines.splice(0);
    for (const machine of machines) {
      machine.signal('SIGTERM');
    }
    const ended = await Promise.all(machines.map((machine) => machine.end(STOP_LIMIT_MS)));
    const stuck = machines.filter((_machine, index) => ended[index] !== true);
    for (const machine of stuck) {
      machine.signal('SIGKILL');
    }
    await Promise.all(stuck.map((machine) => machine.end(STOP_LIMIT_MS)));
    if (stuck.length > 0) {
      throw new Error(`${stuck.length} machines did not end within ${STOP_LIMIT_MS / 1000} s`);
    }
    return performance.now() - start;
  }

  /** Kills what still runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#onExit();
    await Promise.all(this.#machines.splice(0).map((machine) => machine.end(STOP_LIMIT_MS)));
    process.off('exit', this.#onExit);
    process.off('SIGINT', this.#onSignal);
    process.off('SIGTERM', this.#onSignal);
  }
}
