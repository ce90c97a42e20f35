/**
 * From what N machines took on this host to what many take on a larger one, on paper: docs/scale.md has the formulas.
 *
 * Reads the JSON that `bench/scale.ts` left, so that the table of the document can be made again.
 */

import * as figures from './scale-figures.ts';
import { CROSVM_SIDE, QEMU_SIDES } from './scale-figures.ts';

/** The host that is reckoned for. */
export interface ModelHost {
  readonly cores: number;
  readonly memoryGib: number;
  /** Of one guest, all touched. */
  readonly guestMib: number;
}

/** Part of the host's memory that machines may fill: the rest is the host's own and its page cache's. */
export const FILL = 0.9;
const MIB_PER_GIB = 1024;

/** What `publish()` keeps, as far as it is used here. */
export interface KeptScale {
  readonly when: string;
  readonly host: string;
  /** Median of a figure of a side; NaN where it was not measured. */
  readonly median: (figure: string, side: string) => number;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function at(value: unknown, ...keys: readonly string[]): unknown {
  return keys.reduce<unknown>((part, key) => (isRecord(part) ? part[key] : undefined), value);
}

/** @throws Error for a text that is not what `publish()` writes. */
export function parseKept(text: string): KeptScale {
  const value: unknown = JSON.parse(text);
  const when = at(value, 'when');
  const host = at(value, 'host');
  if (typeof when !== 'string' || !isRecord(host) || !isRecord(at(value, 'figures'))) {
    throw new Error('this is not the JSON of a benchmark: it lacks when, host or figures');
  }
  return {
    when,
    host: Object.entries(host)
      .map(([key, part]) => `${key}: ${String(part)}`)
      .join('; '),
    median: (figure, side) => {
      const median = at(value, 'figures', figure, side, 'median');
      return typeof median === 'number' ? median : Number.NaN;
    },
  };
}

/** What the model says of one side. */
export interface Prediction {
  /** Machines that the memory of the host holds. */
  readonly machines: number;
  /** Memory beside the guests', GiB, at that number. */
  readonly overheadGib: number;
  /** All cores busy with nothing but starts. */
  readonly startsPerSecond: number;
  /** The same, if a start cost its processes' CPU time and nothing else. */
  readonly startsByCpu: number;
  /** To start that number one after the other, all cores busy. */
  readonly fillSeconds: number;
  /** Cores that the sleeping machines take. */
  readonly idleCores: number;
  readonly threads: number;
  readonly descriptors: number;
  readonly userNamespaces: number;
}

/** The formulas of docs/scale.md. */
export function predict(kept: KeptScale, side: string, host: ModelHost): Prediction {
  const get = (figure: string): number => kept.median(figure, side);
  const overheadMib = get(figures.PSS) + get(figures.PAGE_TABLES) + get(figures.KERNEL_MEMORY);
  const machines = Math.floor(
    (host.memoryGib * MIB_PER_GIB * FILL) / (host.guestMib + overheadMib),
  );
  const startsPerSecond = get(figures.START_RATE_PER_CORE) * host.cores;
  return {
    machines,
    overheadGib: (machines * overheadMib) / MIB_PER_GIB,
    startsPerSecond,
    startsByCpu: (host.cores * 1000) / get(figures.START_CPU),
    fillSeconds: machines / startsPerSecond,
    idleCores: (machines * get(figures.IDLE_CPU)) / 100,
    threads: machines * get(figures.THREADS),
    descriptors: machines * get(figures.DESCRIPTORS),
    userNamespaces: machines * get(figures.USER_NAMESPACES),
  };
}

const SIDES = [CROSVM_SIDE, ...QEMU_SIDES];

function digits(value: number): string {
  if (!Number.isFinite(value)) {
    return 'not measured';
  }
  return value >= 100
    ? Math.round(value).toLocaleString('en-US')
    : Number(value.toPrecision(3)).toString();
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}

/** What was measured: one row for a figure. */
function measuredTable(kept: KeptScale): string {
  const rows = figures.FIGURES.map((figure) => [
    `${figure}, ${figures.scaleUnit(figure)}`,
    ...SIDES.map((side) => digits(kept.median(figure, side))),
  ]);
  return table(['measured', ...SIDES], rows);
}

function predictedTable(kept: KeptScale, host: ModelHost): string {
  const predictions = SIDES.map((side) => predict(kept, side, host));
  const row = (name: string, pick: (prediction: Prediction) => number): readonly string[] => [
    name,
    ...predictions.map((prediction) => digits(pick(prediction))),
  ];
  return table(
    ['reckoned', ...SIDES],
    [
      row('machines that memory holds', ({ machines }) => machines),
      row('memory beside the guests’, GiB', ({ overheadGib }) => overheadGib),
      row('starts a second, all cores', ({ startsPerSecond }) => startsPerSecond),
      row('starts a second, if CPU time were all', ({ startsByCpu }) => startsByCpu),
      row('seconds to fill the host', ({ fillSeconds }) => fillSeconds),
      row('cores while all sleep', ({ idleCores }) => idleCores),
      row('threads', ({ threads }) => threads),
      row('descriptors', ({ descriptors }) => descriptors),
      row('user namespaces', ({ userNamespaces }) => userNamespaces),
    ],
  );
}

/** The part of docs/scale.md that is made of measurements. */
export function scaleMarkdown(kept: KeptScale, host: ModelHost): string {
  return [
    `Measured ${kept.when.slice(0, 10)}; ${kept.host}.`,
    measuredTable(kept),
    `Reckoned for ${host.cores} cores and ${host.memoryGib} GiB, guests of ${host.guestMib} MiB that touch all of it.`,
    predictedTable(kept, host),
  ].join('\n\n');
}
