/**
 * Decides which of many ranges a word lies in: by the cheapest tree where there are few enough ranges, else by one
 * that is cut in the middle until there are. A single value between two ranges with the same target takes one equality
 * test instead of two comparisons.
 */
import { ExactSearch, type WeightedRange } from './exact-search.ts';
import type { DecisionGraph, NodeId } from './graph.ts';

export type { WeightedRange };

/** How much work a tree is worth. */
export interface TreeOptions {
  /** What one more instruction must gain: the share of all look-ups that it makes one step shorter. */
  readonly nodeCost: number;
  /** Ranges of the largest exact search. */
  readonly exactMax: number;
}

/** Adds the tests to the graph. @returns the root: a test of the accumulator, or the only target. */
export function addSearchTree(
  graph: DecisionGraph,
  ranges: readonly WeightedRange[],
  options: TreeOptions,
): NodeId {
  return addTree(graph, mergeNeighbours(ranges), options);
}

function addTree(
  graph: DecisionGraph,
  ranges: readonly WeightedRange[],
  options: TreeOptions,
): NodeId {
  const middle = middleOf(ranges);
  const cut = ranges[middle];
  if (ranges.length <= options.exactMax || cut === undefined) {
    return new ExactSearch(graph, ranges, options.nodeCost).add();
  }
  const no = addTree(graph, ranges.slice(0, middle), options);
  const yes = addTree(graph, ranges.slice(middle), options);
  return graph.addTest('ge', cut.min, yes, no);
}

function mergeNeighbours(ranges: readonly WeightedRange[]): readonly WeightedRange[] {
  const merged: WeightedRange[] = [];
  for (const range of ranges) {
    const last = merged.at(-1);
    if (last?.target === range.target) {
      merged[merged.length - 1] = { ...last, max: range.max, weight: last.weight + range.weight };
    } else {
      merged.push(range);
    }
  }
  return merged;
}

/** Where to cut a long list: half of the weight on either side, but at least a quarter of the ranges. */
function middleOf(ranges: readonly WeightedRange[]): number {
  const total = ranges.reduce((sum, { weight }) => sum + weight, 0);
  const quarter = ranges.length >> 2;
  let sum = 0;
  for (const [index, { weight }] of ranges.entries()) {
    sum += weight;
    if (sum * 2 >= total) {
      return Math.min(Math.max(index + 1, quarter), ranges.length - quarter);
    }
  }
  return ranges.length >> 1;
}
