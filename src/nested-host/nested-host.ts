/**
 * Runs one command on a host that has KVM with hardware virtualization, whatever this machine has.
 *
 * QEMU emulates an x86-64 machine with AMD's SVM in software; a Debian kernel runs in it with KVM, on top of this
 * machine's files: read-only, under a layer in memory. The command runs there as root. Emulation costs a factor of ten
 * to twenty in time.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  type FSWatcher,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import type { ProgressLog } from '../artifacts/debian-package.ts';
import { runTool } from '../artifacts/run-tool.ts';
import { sourceDirectory } from '../artifacts/sources.ts';
import { HostError } from '../base/errors.ts';
import { commandScript } from './command-script.ts';
import { ensureHostImages, type HostImages } from './host-images.ts';
import { qemuArguments } from './qemu-arguments.ts';

/** What to run and how much of a machine to give it. */
export interface NestedRun {
  readonly command: readonly string[];
  readonly memoryMib: number;
  readonly cpus: number;
  /** 0 for no limit. */
  readonly timeoutSeconds: number;
  /** Directory that gets what the command writes below /out; nothing is kept without one. */
  readonly out?: string;
  /** Joins the command to our terminal, for keyboard and screen. */
  readonly interactive: boolean;
  readonly log: ProgressLog;
}

/**
 * Processors of a nested host. With two, QEMU 7.2's emulation of SVM now and then loses a guest's page tables between two
 * entries: the next instruction fetch faults, and the guest ends in a triple fault. One boot in five of a guest with four
 * vCPUs ended so, ours and those of QEMU's own machines there alike; with one processor, none of dozens.
 */
export const NESTED_CPUS = 1;

/** Exit status when the time ran out, as timeout(1) has it. */
export const STATUS_TIMEOUT = 124;
/** Exit status when the nested host did not come up or did not come to an end. */
export const STATUS_HOST_FAILED = 125;

const SCRIPTS = 'src/nested-host/guest';
/** Looked up once: several nested hosts may be started side by side. */
let hostImages: Promise<HostImages> | undefined;
const CONSOLE_LINES_SHOWN = 20;

/**
 * Runs the command to its end; its output appears on our standard output.
 *
 * @returns its exit status, or one of the two above.
 * @throws ERR_PACKAGE_UNAVAILABLE or ERR_TOOL_MISSING when the nested host cannot be made, saying what to do.
 */
export async function runNested(run: NestedRun): Promise<number> {
  // Asked before anything is downloaded; setpriv below could not tell.
  await runTool('qemu-system-x86_64', ['--version']);
  const scripts = sourceDirectory(import.meta.dirname, SCRIPTS);
  hostImages ??= ensureHostImages(scripts, run.log);
  const images = await hostImages;
  const scratch = mkdtempSync(join(tmpdir(), 'nested-host-'));
  try {
    const exchange = join(scratch, 'exchange');
    prepareExchange(exchange, scripts, run);
    const out = run.out ?? join(scratch, 'out');
    mkdirSync(out, { recursive: true });
    const consoleLog = join(scratch, 'console.log');
    const machine = { images, memoryMib: run.memoryMib, cpus: run.cpus, exchange, out, consoleLog };
    const interruption = await runMachine(qemuArguments(machine), exchange, run);
    return interruption ?? readStatus(exchange, consoleLog, run.log);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function prepareExchange(exchange: string, scripts: string, run: NestedRun): void {
  mkdirSync(exchange);
  copyFileSync(join(scripts, 'host-init'), join(exchange, 'init'));
  writeFileSync(join(exchange, 'command'), commandScript(run.command, process.cwd(), process.env));
  if (run.interactive) {
    const { rows, columns } = process.stdout;
    writeFileSync(join(exchange, 'terminal'), `rows ${rows} cols ${columns}\n`);
  }
}

/** Runs QEMU to its end. Returns a status when it was we who ended it. */
async function runMachine(
  args: readonly string[],
  exchange: string,
  run: NestedRun,
): Promise<number | undefined> {
  run.log('starting the nested host, an emulated machine (about ten seconds)');
  const startup = logStartup(exchange, run.log);
  // QEMU must not outlive us, however we end.
  const qemu = spawn('setpriv', ['--pdeathsig', 'KILL', 'qemu-system-x86_64', ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const interruptions = endOnInterruption(qemu, run);
  const leaveTerminal = run.interactive ? joinTerminal(qemu.stdin) : closeInput(qemu.stdin);
  qemu.stdout.pipe(process.stdout, { end: false });
  try {
    await once(qemu, 'close');
  } catch (cause) {
    throw new HostError('ERR_TOOL_MISSING', 'setpriv (package util-linux) cannot be run', {
      cause,
    });
  } finally {
    leaveTerminal();
    interruptions.forget();
    startup.close();
  }
  return interruptions.status();
}

function logStartup(exchange: string, log: ProgressLog): FSWatcher {
  const startedAt = performance.now();
  const watcher = watch(exchange, (_event, file) => {
    if (file === 'started') {
      log(`the nested host is up after ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
      watcher.close();
    }
  });
  return watcher;
}

function closeInput(input: Writable): () => void {
  input.end();
  return () => undefined;
}

/** Every key goes to the command, the ones that interrupt as well. Returns what gives the terminal back. */
function joinTerminal(input: Writable): () => void {
  process.stdin.setRawMode(true);
  process.stdin.pipe(input);
  return () => {
    process.stdin.unpipe(input);
    process.stdin.setRawMode(false);
    process.stdin.pause();
  };
}

/** Ends QEMU when the time is up, we are told to end, or nobody reads our output any more. */
function endOnInterruption(
  qemu: ChildProcess,
  run: NestedRun,
): { status(): number | undefined; forget(): void } {
  let status: number | undefined;
  const end = (code: number): void => {
    status ??= code;
    qemu.kill();
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    end(128 + constants.signals[signal]);
  };
  const onTimeout = (): void => {
    run.log(`stopped after ${run.timeoutSeconds} s`);
    end(STATUS_TIMEOUT);
  };
  const onOutputError = (): void => {
    end(128 + constants.signals.SIGPIPE);
  };
  const timer =
    run.timeoutSeconds > 0 ? setTimeout(onTimeout, run.timeoutSeconds * 1000) : undefined;
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) {
    process.on(signal, onSignal);
  }
  process.stdout.on('error', onOutputError);
  return {
    status: () => status,
    forget: () => {
      clearTimeout(timer);
      for (const signal of signals) {
        process.off(signal, onSignal);
      }
      process.stdout.off('error', onOutputError);
    },
  };
}

function readStatus(exchange: string, consoleLog: string, log: ProgressLog): number {
  const file = join(exchange, 'status');
  const status = existsSync(file) ? Number.parseInt(readFileSync(file, 'utf8'), 10) : Number.NaN;
  if (Number.isInteger(status)) {
    return status;
  }
  log('the nested host did not come to its end; its console ends:');
  const lines = existsSync(consoleLog)
    ? readFileSync(consoleLog, 'utf8').trimEnd().split('\n')
    : [];
  for (const line of lines.slice(-CONSOLE_LINES_SHOWN)) {
    log(line);
  }
  return STATUS_HOST_FAILED;
}
