/** Goals of a benchmark, and whether they were met. */
import { formatValue } from './chart.ts';
import type { Results } from './rounds.ts';

/**
 * What a value is compared with: this number, `ratio` times the median of another side, or `ratio` times the best
 * median among the sides whose names start with `ofBest`. Which one is best is found for each figure by itself, out of
 * the same run: the lowest median for an "at most", the highest for an "at least".
 */
export type Limit =
  | number
  | { readonly ratio: number; readonly of: string }
  | { readonly ratio: number; readonly ofBest: string };

/** What we set out to reach. */
export interface Goal {
  readonly figure: string;
  readonly side: string;
  readonly limit: Limit;
  readonly direction: 'at most' | 'at least';
}

/** What became of a goal. */
export interface Judgement {
  readonly figure: string;
  readonly text: string;
  /** In the figure's unit; undefined where what it depends on was not measured. */
  readonly bound: number | undefined;
  /** Undefined where it could not be judged. */
  readonly met: boolean | undefined;
}

interface Peer {
  readonly side: string;
  readonly median: number;
}

function findPeer(
  { figure, limit, direction }: Goal & { readonly limit: Exclude<Limit, number> },
  results: Results,
): Peer | undefined {
  const peers = [...(results.get(figure) ?? [])]
    .map(([side, { median }]) => ({ side, median }))
    .filter(({ side }) => ('of' in limit ? side === limit.of : side.startsWith(limit.ofBest)))
    .filter(({ median }) => Number.isFinite(median))
    .sort((a, b) => (direction === 'at most' ? a.median - b.median : b.median - a.median));
  return peers[0];
}

/** The bound as a number, and where it comes from in words. */
function resolve(goal: Goal, results: Results): { bound: number | undefined; source: string } {
  const { limit } = goal;
  if (typeof limit === 'number') {
    return { bound: limit, source: '' };
  }
  const peer = findPeer({ ...goal, limit }, results);
  const wanted = 'of' in limit ? limit.of : `the best of ${limit.ofBest}`;
  return peer === undefined
    ? { bound: undefined, source: ` (${limit.ratio} x ${wanted})` }
    : {
        bound: limit.ratio * peer.median,
        source: ` (${limit.ratio} x ${peer.side}${'of' in limit ? '' : ', the best'})`,
      };
}

/** Compares a goal with what was measured. */
export function judge(goal: Goal, results: Results): Judgement {
  const { figure, side, direction } = goal;
  const value = results.get(figure)?.get(side)?.median;
  const { bound, source } = resolve(goal, results);
  const limit = bound === undefined ? '' : ` ${formatValue(bound)}`;
  const text = `${side}: ${figure} ${direction}${limit}${source}`;
  if (value === undefined || Number.isNaN(value) || bound === undefined) {
    return { figure, text: `${text}: not measured`, bound, met: undefined };
  }
  const met = direction === 'at most' ? value <= bound : value >= bound;
  const times =
    typeof goal.limit === 'number' ? '' : `, ${((value / bound) * goal.limit.ratio).toFixed(2)}x`;
  return { figure, text: `${text}: ${formatValue(value)}${times}`, bound, met };
}
