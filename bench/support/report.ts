/** Prints results as a table with ratios, judges the goals, and keeps everything as JSON. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release } from 'node:os';
import { join } from 'node:path';
import { qemuVersion } from './machines.ts';
import { RESULTS } from './paths.ts';
import type { Results } from './rounds.ts';

/** What we set out to reach. */
export interface Goal {
  readonly figure: string;
  readonly side: string;
  /** The value is compared with this number, or with `ratio` times the median of another side. */
  readonly limit: number | { readonly ratio: number; readonly of: string };
  readonly direction: 'at most' | 'at least';
}

export interface Report {
  /** File name of the JSON, without its ending. */
  readonly name: string;
  readonly question: string;
  readonly unit: (figure: string) => string;
  /** The side that the ratios are to. */
  readonly baseline: string;
  readonly goals: readonly Goal[];
}

/** The machine that the figures belong to. */
export function describeHost(): Record<string, string | number | undefined> {
  const modules = readdirSync('/sys/module').filter((name) => /^kvm(_|$)/.test(name));
  return {
    cpu: cpus()[0]?.model,
    cores: availableParallelism(),
    kernel: release(),
    kvm: modules.join(' '),
    node: process.version,
    qemu: qemuVersion(),
    load: readFileSync('/proc/loadavg', 'utf8').split(' ').slice(0, 3).join(' '),
  };
}

function round(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

function printTable(report: Report, results: Results): void {
  for (const [figure, bySide] of results) {
    const base = bySide.get(report.baseline)?.median;
    console.log(`${figure}, ${report.unit(figure)}`);
    for (const [side, summary] of bySide) {
      const ratio = base === undefined ? '' : `${(summary.median / base).toFixed(2)}x`;
      const range = `${round(summary.min)}–${round(summary.max)}`;
      console.log(
        `  ${side.padEnd(34)} ${round(summary.median).padStart(9)}  ${range.padStart(17)}  ${ratio.padStart(7)}`,
      );
    }
  }
}

interface Judgement {
  readonly text: string;
  readonly met: boolean | undefined;
}

function judge(goal: Goal, results: Results): Judgement {
  const value = results.get(goal.figure)?.get(goal.side)?.median;
  const { limit } = goal;
  const other =
    typeof limit === 'number' ? undefined : results.get(goal.figure)?.get(limit.of)?.median;
  const bound = typeof limit === 'number' ? limit : (other ?? Number.NaN) * limit.ratio;
  const text = `${goal.side}: ${goal.figure} ${goal.direction} ${round(bound)}${
    typeof limit === 'number' ? '' : ` (${limit.ratio} x ${limit.of})`
  }`;
  if (value === undefined || Number.isNaN(bound)) {
    return { text: `${text}: not measured`, met: undefined };
  }
  const met = goal.direction === 'at most' ? value <= bound : value >= bound;
  return { text: `${text}: ${round(value)}`, met };
}

/** Prints everything; a goal that is missed is said to be missed, and is no failure of the benchmark. */
export function publish(report: Report, results: Results): void {
  const host = describeHost();
  console.log(`\n${report.question}`);
  console.log(
    Object.entries(host)
      .map(([key, value]) => `${key}: ${value ?? 'none'}`)
      .join('; '),
  );
  if ((loadavg()[0] ?? 0) > availableParallelism()) {
    console.log('THE HOST IS BUSY WITH OTHER WORK: trust medians of exits, little else');
  }
  console.log(`median, range of the rounds, ratio to "${report.baseline}"`);
  printTable(report, results);
  const judgements = report.goals.map((goal) => judge(goal, results));
  for (const { text, met } of judgements) {
    console.log(`${met === undefined ? 'OPEN  ' : met ? 'MET   ' : 'MISSED'} ${text}`);
  }
  const figures = Object.fromEntries(
    [...results].map(([figure, bySide]) => [figure, Object.fromEntries(bySide)]),
  );
  mkdirSync(RESULTS, { recursive: true });
  const path = join(RESULTS, `${report.name}.json`);
  const { question } = report;
  const when = new Date().toISOString();
  writeFileSync(
    path,
    `${JSON.stringify({ question, when, host, figures, judgements }, null, 2)}\n`,
  );
  console.log(`kept in ${path}`);
}
