/** Prints results as a table with ratios, judges the goals, and keeps everything as JSON and as a chart. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release } from 'node:os';
import { join } from 'node:path';
import { drawChart, formatValue } from './chart.ts';
import { type Goal, judge } from './goals.ts';
import { qemuVersion } from './machines.ts';
import { RESULTS } from './paths.ts';
import type { Results } from './rounds.ts';

export interface Report {
  /** File name of the JSON and the chart, without their endings. */
  readonly name: string;
  readonly question: string;
  readonly unit: (figure: string) => string;
  /** The side that the ratios are to. */
  readonly baseline: string;
  readonly goals: readonly Goal[];
  /** What of it the chart shows; everything where this is absent. */
  readonly charted?: (figure: string) => boolean;
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

function tableLines(report: Report, results: Results): string[] {
  return [...results].flatMap(([figure, bySide]) => {
    const base = bySide.get(report.baseline)?.median;
    const rows = [...bySide].map(([side, summary]) => {
      const ratio =
        base === undefined || base === 0 ? '' : `${(summary.median / base).toFixed(2)}x`;
      const range = `${formatValue(summary.min)}–${formatValue(summary.max)}`;
      return `  ${side.padEnd(34)} ${formatValue(summary.median).padStart(9)}  ${range.padStart(17)}  ${ratio.padStart(7)}`;
    });
    return [`${figure}, ${report.unit(figure)}`, ...rows];
  });
}

const BUSY = 'THE HOST IS BUSY WITH OTHER WORK: trust medians of exits, little else';

/** Prints everything; a goal that is missed is said to be missed, and is no failure of the benchmark. */
export function publish(report: Report, results: Results): void {
  const { name, question, unit, baseline } = report;
  const host = describeHost();
  const hostLine = Object.entries(host)
    .map(([key, value]) => `${key}: ${value ?? 'none'}`)
    .join('; ');
  const isBusy = (loadavg()[0] ?? 0) > availableParallelism();
  const judgements = report.goals.map((goal) => judge(goal, results));
  const text = [
    question,
    hostLine,
    ...(isBusy ? [BUSY] : []),
    `median, range of the rounds, ratio to "${baseline}"`,
    ...tableLines(report, results),
    ...judgements.map(({ text, met }) => {
      return `${met === undefined ? 'OPEN  ' : met ? 'MET   ' : 'MISSED'} ${text}`;
    }),
  ].join('\n');
  console.log(`\n${text}`);
  const figures = Object.fromEntries(
    [...results].map(([figure, bySide]) => [figure, Object.fromEntries(bySide)]),
  );
  mkdirSync(RESULTS, { recursive: true });
  const when = new Date().toISOString();
  const charted = new Map([...results].filter(([figure]) => report.charted?.(figure) ?? true));
  const marks = judgements.flatMap(({ figure, bound }) =>
    bound === undefined ? [] : [{ figure, value: bound }],
  );
  keep(`${name}.txt`, `${text}\n`);
  keep(
    `${name}.json`,
    `${JSON.stringify({ question, when, host, figures, judgements }, null, 2)}\n`,
  );
  keep(`${name}.svg`, drawChart({ title: question, host: hostLine, when, unit, marks }, charted));
}

function keep(fileName: string, text: string): void {
  const path = join(RESULTS, fileName);
  writeFileSync(path, text);
  console.log(`kept in ${path}`);
}
