/**
 * Runs test files, each in a Node process of its own, and adds up what their TAP says.
 *
 * tap's own runner is left out because it takes seconds to start, and minutes where the processor is emulated.
 */
import { spawn } from 'node:child_process';
import { relative } from 'node:path';
import { createInterface } from 'node:readline';
import { type SkippedTest, TapReader } from './tap-report.ts';

/** By how much tap itself gives up earlier: it can say in which test. */
const TAP_HEAD_START_SECONDS = 5;

/** Sums over test files. */
export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export const NO_TESTS: Totals = { passed: 0, failed: 0, skipped: 0 };

/** How to run the files. */
export interface RunFilesOptions {
  /** How many at a time. */
  readonly jobs: number;
  /** For each file. */
  readonly timeoutSeconds: number;
  /** File names are shown relative to it. */
  readonly directory: string;
  readonly log: (line: string) => void;
}

interface FileResult extends Totals {
  readonly skips: readonly SkippedTest[];
  readonly output: readonly string[];
  readonly seconds: number;
  /** What is wrong with the file itself. */
  readonly complaint?: string;
}

export function addTotals(one: Totals, other: Totals): Totals {
  return {
    passed: one.passed + other.passed,
    failed: one.failed + other.failed,
    skipped: one.skipped + other.skipped,
  };
}

/** Runs all files; shows a line for each, the reason of every skip, and the whole output of a file that failed. */
export async function runFiles(
  files: readonly string[],
  options: RunFilesOptions,
): Promise<Totals> {
  const waiting = [...files];
  let totals = NO_TESTS;
  const work = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const result = await runFile(file, options.timeoutSeconds);
      showResult(relative(options.directory, file), result, options.log);
      totals = addTotals(totals, result);
    }
  };
  await Promise.all(Array.from({ length: options.jobs }, work));
  return totals;
}

async function runFile(file: string, timeoutSeconds: number): Promise<FileResult> {
  const startedAt = performance.now();
  const reader = new TapReader();
  const output: string[] = [];
  const child = spawn(process.execPath, ['--enable-source-maps', file], {
    // A process group of its own, so that a timeout ends what the test started as well.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      TAP: '1',
      TAP_TIMEOUT: String(Math.max(1, timeoutSeconds - TAP_HEAD_START_SECONDS)),
    },
  });
  const end = (): void => {
    killGroup(child.pid);
  };
  process.on('exit', end);
  let timedOut = false;
  const timer = setTimeout(
    () => {
      timedOut = true;
      end();
      // tap itself gives up first, with a better report.
    },
    timeoutSeconds * 1000 + 5000,
  );
  createInterface(child.stderr).on('line', (line) => output.push(line));
  createInterface(child.stdout).on('line', (line) => {
    output.push(line);
    reader.readLine(line);
  });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  clearTimeout(timer);
  process.off('exit', end);
  const seconds = (performance.now() - startedAt) / 1000;
  return judge(reader, { output, seconds, code, timedOut, signal: child.signalCode });
}

interface FileEnd {
  readonly output: readonly string[];
  readonly seconds: number;
  readonly code: number | null;
  readonly signal: string | null;
  readonly timedOut: boolean;
}

/** A file that ends badly, or in which no test is found, has failed whatever its TAP says. */
function judge(reader: TapReader, end: FileEnd): FileResult {
  const { passed, failed, skipped } = reader.report();
  const complaint = complain(end, passed, failed, skipped.length);
  return {
    passed,
    failed: complaint === undefined || failed > 0 ? failed : 1,
    skipped: skipped.length,
    skips: skipped,
    output: end.output,
    seconds: end.seconds,
    ...(complaint === undefined ? {} : { complaint }),
  };
}

function complain(
  end: FileEnd,
  passed: number,
  failed: number,
  skipped: number,
): string | undefined {
  if (end.timedOut) {
    return 'ran out of time';
  }
  if (end.code !== 0) {
    return end.code === null ? `ended by ${end.signal ?? 'a signal'}` : `ended with ${end.code}`;
  }
  return passed + failed + skipped === 0 ? 'holds no test' : undefined;
}

function killGroup(pid: number | undefined): void {
  if (pid !== undefined) {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // It has ended already.
    }
  }
}

function showResult(name: string, result: FileResult, log: (line: string) => void): void {
  const mark = result.failed > 0 ? 'FAILED' : 'ok    ';
  const complaint = result.complaint === undefined ? '' : `, ${result.complaint}`;
  log(`${mark} ${name} (${result.passed} passed, ${result.seconds.toFixed(1)} s${complaint})`);
  for (const { title, reason } of result.skips) {
    log(`       skipped: ${title === '' ? reason : `${title}: ${reason}`}`);
  }
  if (result.failed > 0) {
    for (const line of result.output) {
      log(`       ${line}`);
    }
  }
}
