/** Measurements of several sides, taken in turns so that a slow minute of the machine hits all of them. */
import { type Summary, summarize } from './statistics.ts';

/** What one run of one side gives: a value for each figure. */
export type Figures = ReadonlyMap<string, number>;

export interface Side {
  readonly name: string;
  readonly measure: () => Promise<Figures>;
}

/** figure → side → what the rounds gave. */
export type Results = ReadonlyMap<string, ReadonlyMap<string, Summary>>;

/** Odd, so that the median is one of the rounds. */
const ROUNDS_BY_DEFAULT = 5;
/** `ROUNDS=2 npm run bench -- block` is for trying something out, not for figures to quote. */
export const ROUNDS = Number(process.env['ROUNDS'] ?? ROUNDS_BY_DEFAULT);

/**
 * Runs A B C A B C …, `rounds` times.
 *
 * A side that fails is left out of the results, with a line on standard error: a peer that cannot do something
 * on this host must not keep the others from being measured.
 */
export async function measureInTurns(sides: readonly Side[], rounds = ROUNDS): Promise<Results> {
  const values = new Map<string, Map<string, number[]>>();
  const failed = new Set<string>();
  for (let round = 0; round < rounds; round++) {
    for (const side of sides.filter(({ name }) => !failed.has(name))) {
      try {
        for (const [figure, value] of await side.measure()) {
          const bySide = getOrAdd(values, figure, () => new Map<string, number[]>());
          getOrAdd(bySide, side.name, () => []).push(value);
        }
      } catch (error) {
        failed.add(side.name);
        console.error(`${side.name}: not measured: ${String(error)}`);
      }
    }
  }
  return summarizeAll(values, failed);
}

function summarizeAll(
  values: ReadonlyMap<string, ReadonlyMap<string, readonly number[]>>,
  failed: ReadonlySet<string>,
): Results {
  return new Map(
    [...values].map(([figure, bySide]) => [
      figure,
      new Map(
        [...bySide]
          .filter(([name]) => !failed.has(name))
          .map(([name, list]) => [name, summarize(list)]),
      ),
    ]),
  );
}

function getOrAdd<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const present = map.get(key);
  if (present !== undefined) {
    return present;
  }
  const made = make();
  map.set(key, made);
  return made;
}
