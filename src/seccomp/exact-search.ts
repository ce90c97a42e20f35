/**
 * The cheapest tree of `>=` and `==` tests over a list of ranges, by dynamic programming from short stretches of the
 * list to the whole.
 *
 * A state is a stretch first..last of which the `removed` heaviest single values have been tested for already. Among
 * the trees of a stretch it is enough to try equality with the heaviest single value that is left (Anderson, Kannan,
 * Karloff and Ladner, "Thresholds and optimal binary comparison search trees", 2002), which keeps the states few.
 */
import { assert } from '../base/assert.ts';
import type { DecisionGraph, NodeId } from './graph.ts';

/** Consecutive ranges cover all 32-bit values without gaps. */
export interface WeightedRange {
  readonly min: number;
  readonly max: number;
  readonly target: NodeId;
  /** How often values of the range are looked up, in any unit. */
  readonly weight: number;
}

/** Single values that may have been tested for equality on the way to a state. */
const REMOVED_MAX = 3;
/** Longest chain of equality tests tried as the end of a tree. */
const CHAIN_MAX = 6;

/**
 * The best cut of a stretch lies between those of the stretches that are one range shorter (Knuth 1971). Equality tests
 * make that a rule with exceptions, so this many more cuts are tried on either side.
 */
const CUT_SLACK = 4;

/** How a state is decided; a split at n is stored as SPLIT + n. */
const LEAF = 0;
const EQUAL = 1;
const CHAIN = 2;
const SPLIT = 3;

function at<T>(list: { readonly [index: number]: T; readonly length: number }, index: number): T {
  const item = list[index];
  assert(item !== undefined, `index ${index} of ${list.length}`);
  return item;
}

/** One search; time grows with the third power of the number of ranges, memory with the second. */
export class ExactSearch {
  readonly #graph: DecisionGraph;
  readonly #ranges: readonly WeightedRange[];
  readonly #count: number;
  readonly #nodeCost: number;
  /** Sums of the weights before each range. */
  readonly #weightBefore: Float64Array;
  /** 1 for ranges of one value. */
  readonly #isSingle: Uint8Array;
  readonly #weights: Float64Array;
  readonly #target: Int32Array;
  /** 1 for single values that the state at hand has behind it. */
  readonly #isGone: Uint8Array;
  /** What `#collectChain` collected last. */
  readonly #chain: number[] = [];
  readonly #cost: Float64Array;
  readonly #choice: Int32Array;
  /** Where each stretch is best split, whether or not it is. */
  readonly #cuts: Int32Array;
  /** What the last call of `#bestSplit` found. */
  #splitCost = Infinity;

  /** @param nodeCost cost of one more test, as a share of the whole weight. */
  constructor(graph: DecisionGraph, ranges: readonly WeightedRange[], nodeCost: number) {
    this.#graph = graph;
    this.#ranges = ranges;
    this.#count = ranges.length;
    this.#weightBefore = new Float64Array(this.#count + 1);
    this.#isSingle = new Uint8Array(this.#count);
    this.#isGone = new Uint8Array(this.#count);
    this.#weights = Float64Array.from(ranges, ({ weight }) => weight);
    this.#target = Int32Array.from(ranges, ({ target }) => target);
    for (const [index, { min, max, weight }] of ranges.entries()) {
      this.#weightBefore[index + 1] = at(this.#weightBefore, index) + weight;
      this.#isSingle[index] = min === max ? 1 : 0;
    }
    this.#nodeCost = nodeCost * at(this.#weightBefore, this.#count);
    const states = this.#count * this.#count * (REMOVED_MAX + 1);
    this.#cost = new Float64Array(states);
    this.#choice = new Int32Array(states);
    this.#cuts = new Int32Array(this.#count * this.#count);
  }

  /** Adds the tree to the graph. @returns its root, or the only target. */
  add(): NodeId {
    for (let first = this.#count - 1; first >= 0; first--) {
      // The heaviest single values of the stretch, kept up as it grows to the right.
      const heaviest: number[] = [];
      for (let last = first; last < this.#count; last++) {
        if (this.#isSingle[last] === 1) {
          this.#insertByWeight(heaviest, last, REMOVED_MAX + 1);
        }
        this.#solveStretch(first, last, heaviest);
      }
    }
    return this.#emit(0, this.#count - 1, 0);
  }

  /** Most removed first: a state may go on to the one with one more removed. */
  #solveStretch(first: number, last: number, heaviest: readonly number[]): void {
    const most = Math.min(REMOVED_MAX, heaviest.length);
    let weight = at(this.#weightBefore, last + 1) - at(this.#weightBefore, first);
    for (let removed = 0; removed < most; removed++) {
      const index = at(heaviest, removed);
      this.#isGone[index] = 1;
      weight -= this.#weight(index);
    }
    for (let removed = most; removed >= 0; removed--) {
      this.#solve(first, last, removed, weight, heaviest.length > removed);
      if (removed > 0) {
        const index = at(heaviest, removed - 1);
        this.#isGone[index] = 0;
        weight += this.#weight(index);
      }
    }
  }

  #weight(index: number): number {
    return this.#weights[index] ?? 0;
  }

  #state(first: number, last: number, removed: number): number {
    return (first * this.#count + last) * (REMOVED_MAX + 1) + removed;
  }

  /** Inserts an index into a list that stays sorted, heaviest first, and at most `longest` long. */
  #insertByWeight(list: number[], index: number, longest: number): void {
    const weight = this.#weight(index);
    let position = list.length;
    while (position > 0 && this.#weight(list[position - 1] ?? 0) < weight) {
      position--;
    }
    if (position < longest) {
      list.splice(position, 0, index);
    }
    if (list.length > longest) {
      list.pop();
    }
  }

  /** Finds the cheapest choice of one state. @param hasSingle whether there is a single value left to test for. */
  #solve(first: number, last: number, removed: number, weight: number, hasSingle: boolean): void {
    const step = weight + this.#nodeCost;
    const isChain = this.#collectChain(first, last);
    let cost = isChain ? this.#chainCost(weight) : Infinity;
    let choice = this.#chain.length === 0 ? LEAF : CHAIN;
    if (cost > step && hasSingle && removed < REMOVED_MAX && last - first >= removed + 1) {
      const equal = step + at(this.#cost, this.#state(first, last, removed + 1));
      if (equal < cost) {
        cost = equal;
        choice = EQUAL;
      }
    }
    if (cost > step) {
      const cut = this.#bestSplit(first, last, removed);
      if (step + this.#splitCost < cost) {
        cost = step + this.#splitCost;
        choice = SPLIT + cut;
      }
    }
    const state = this.#state(first, last, removed);
    this.#cost[state] = cost;
    this.#choice[state] = choice;
  }

  /** Finds the cheapest split of a state; the costs of both sides are known. @returns its cut, or -1. */
  #bestSplit(first: number, last: number, removed: number): number {
    // The innermost loop of the search: plain indices into flat arrays, nothing allocated.
    const costs = this.#cost;
    const width = REMOVED_MAX + 1;
    const rowStep = this.#count * width;
    const lowest = Math.max(first + 1, this.#cutOf(first, last - 1, first + 1) - CUT_SLACK);
    const highest = Math.min(last, this.#cutOf(first + 1, last, last) + CUT_SLACK);
    let left = (first * this.#count + lowest - 1) * width;
    let right = (lowest * this.#count + last) * width;
    let best = Infinity;
    let bestCut = -1;
    let removedLeft = 0;
    for (let index = first; index < lowest - 1; index++) {
      removedLeft += this.#isGone[index] ?? 0;
    }
    for (let cut = lowest; cut <= highest; cut++) {
      removedLeft += this.#isGone[cut - 1] ?? 0;
      const removedRight = removed - removedLeft;
      // A side of which nothing is left would never be reached.
      if (removedLeft < cut - first && removedRight < last - cut + 1) {
        const cost = (costs[left + removedLeft] ?? 0) + (costs[right + removedRight] ?? 0);
        if (cost < best) {
          best = cost;
          bestCut = cut;
        }
      }
      left += width;
      right += rowStep;
    }
    this.#splitCost = best;
    if (removed === 0) {
      this.#cuts[first * this.#count + last] = bestCut;
    }
    return bestCut;
  }

  #cutOf(first: number, last: number, unknown: number): number {
    const cut = this.#cuts[first * this.#count + last] ?? 0;
    return cut > 0 ? cut : unknown;
  }

  /**
   * Collects what is left of a stretch apart from its remaining target: single values, heaviest first.
   *
   * @returns false if there are wide ranges among it, or too many values for a chain.
   */
  #collectChain(first: number, last: number): boolean {
    const remainder = this.#remainderOf(first, last);
    const chain = this.#chain;
    chain.length = 0;
    for (let index = first; index <= last; index++) {
      if (this.#target[index] === remainder || this.#isGone[index] === 1) {
        continue;
      }
      if (this.#isSingle[index] === 0 || chain.length === CHAIN_MAX) {
        chain.push(index);
        return false;
      }
      this.#insertByWeight(chain, index, CHAIN_MAX);
    }
    return true;
  }

  /** The target that equality tests leave over: that of the first wide range, or of the first range at all. */
  #remainderOf(first: number, last: number): NodeId {
    let firstLeft = -1;
    for (let index = first; index <= last; index++) {
      if (this.#isSingle[index] === 0) {
        return at(this.#target, index);
      }
      if (firstLeft < 0 && this.#isGone[index] === 0) {
        firstLeft = index;
      }
    }
    return at(this.#target, Math.max(firstLeft, first));
  }

  /** Cost of the chain that was collected last. */
  #chainCost(weight: number): number {
    let cost = 0;
    let left = weight;
    for (const index of this.#chain) {
      cost += left + this.#nodeCost;
      left -= this.#weight(index);
    }
    return cost;
  }

  /** The single values of a stretch that are tested for first. */
  #heaviestOf(first: number, last: number, count: number): readonly number[] {
    const heaviest: number[] = [];
    for (let index = first; index <= last; index++) {
      if (this.#isSingle[index] === 1) {
        this.#insertByWeight(heaviest, index, count);
      }
    }
    return heaviest;
  }

  #emit(first: number, last: number, removed: number): NodeId {
    const choice = at(this.#choice, this.#state(first, last, removed));
    if (choice === EQUAL) {
      const index = at(this.#heaviestOf(first, last, removed + 1), removed);
      return this.#addEqual(index, this.#emit(first, last, removed + 1));
    }
    const gone = this.#heaviestOf(first, last, removed);
    if (choice === LEAF || choice === CHAIN) {
      return this.#emitChain(first, last, gone);
    }
    const cut = choice - SPLIT;
    const removedLeft = gone.filter((index) => index < cut).length;
    const no = this.#emit(first, cut - 1, removedLeft);
    const yes = this.#emit(cut, last, removed - removedLeft);
    return this.#graph.addTest('ge', at(this.#ranges, cut).min, yes, no);
  }

  #emitChain(first: number, last: number, gone: readonly number[]): NodeId {
    this.#isGone.fill(0);
    for (const index of gone) {
      this.#isGone[index] = 1;
    }
    this.#collectChain(first, last);
    return this.#chain.reduceRight<NodeId>(
      (rest, index) => this.#addEqual(index, rest),
      this.#remainderOf(first, last),
    );
  }

  #addEqual(index: number, rest: NodeId): NodeId {
    const { min, target } = at(this.#ranges, index);
    return this.#graph.addTest('eq', min, target, rest);
  }
}
