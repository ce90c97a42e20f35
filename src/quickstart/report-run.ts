/** The run without a terminal: the guest reports, we check and show, the guest powers off. */

import { GuestReport, hashStart } from './guest-report.ts';
import { describeDevices, type GuestRun, runArguments, waitForEnd } from './guest-run.ts';
import { startMachine } from './machine.ts';

/** A guest that has not reported by then never will, emulated or not. */
const REPORT_TIMEOUT_MS = 300_000;
const PROGRESS_INTERVAL_MS = 10_000;
const CONSOLE_LINES_SHOWN = 20;

/**
 * Boots the guest and shows its report and the device processes.
 *
 * @returns 0 when the report is whole, the guest read from its disk what the host has there, there were device
 *   processes, and the machine ended in order.
 */
export async function runReport(run: GuestRun): Promise<number> {
  const report = new GuestReport();
  const lines: string[] = [];
  let devices: readonly string[] = [];
  const seconds = startClock();
  run.log('booting Linux');
  const onOutput = splitLines((line) => {
    lines.push(line);
    const wasComplete = report.isComplete;
    report.readLine(line);
    if (report.isComplete && !wasComplete) {
      clearInterval(progress);
      run.log(`the guest has reported after ${seconds()} s; powering off`);
      devices = describeDevices(machine, run.project);
      // It waits for this before it powers off.
      machine.type('\n');
    }
  });
  const args = runArguments(run, ['guest.mode=report', 'guest.pause=1']);
  const machine = startMachine({ project: run.project, args, ownsTerminal: false, onOutput });
  const progress = setInterval(() => {
    run.log(`booting (${seconds()} s)`);
  }, PROGRESS_INTERVAL_MS);
  const timeout = setTimeout(() => {
    run.log('the guest takes too long');
    machine.stop();
  }, REPORT_TIMEOUT_MS);
  const status = await waitForEnd(machine);
  clearInterval(progress);
  clearTimeout(timeout);
  run.log(`the machine has ended after ${seconds()} s`);
  return conclude(run, { report, devices, status, lines });
}

/** Makes a taker of text, in whatever pieces, of a taker of lines. A serial line break is CR LF. */
function splitLines(onLine: (line: string) => void): (text: string) => void {
  let rest = '';
  return (text) => {
    const lines = (rest + text).split(/\r*\n/);
    rest = lines.pop() ?? '';
    lines.forEach(onLine);
  };
}

function startClock(): () => string {
  const startedAt = performance.now();
  return () => ((performance.now() - startedAt) / 1000).toFixed(1);
}

interface Outcome {
  readonly report: GuestReport;
  readonly devices: readonly string[];
  readonly status: number;
  readonly lines: readonly string[];
}

function conclude(run: GuestRun, { report, devices, status, lines }: Outcome): number {
  if (!report.isComplete) {
    run.log(`no report from the guest; crosvm ended with ${status}. The console ends:`);
    for (const line of lines.slice(-CONSOLE_LINES_SHOWN)) {
      run.log(line);
    }
    return status === 0 ? 1 : status;
  }
  const { diskSum } = report;
  const isDiskRight =
    diskSum !== undefined && diskSum.sha256 === hashStart(run.images.squashfs, diskSum.mib);
  const disk = isDiskRight ? 'the same' : 'something else';
  show(['', 'From inside the guest:', ...report.facts.map((fact) => `  ${fact}`)]);
  show([`The host has ${disk} on that disk.`, '', ...devices]);
  if (devices.length === 0) {
    run.log('no device process was found');
  }
  return status === 0 && (!isDiskRight || devices.length === 0) ? 1 : status;
}

function show(lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}
