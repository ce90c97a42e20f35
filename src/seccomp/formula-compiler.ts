/**
 * Formulas to graphs. One word is decided at a time, so that it is loaded once and its comparisons form one search
 * tree: a list of a hundred 64-bit constants costs one test of the upper half.
 */
import {
  afterMaskTest,
  casesByInterval,
  type Formula,
  pendingMask,
  restrictFormula,
  wordsOfFormula,
} from './formula.ts';
import type { DecisionGraph, NodeId } from './graph.ts';
import { addLinear, wordOffset } from './linear-compiler.ts';
import type { WordFact } from './literal.ts';
import { addSearchTree, type WeightedRange } from './search-tree.ts';

/** More cases than are gone through for one formula. */
class FormulaTooLarge extends Error {}

/** `fast`: a search tree may be somewhat longer than the plain way; `short`: it may not. */
export type Aim = 'fast' | 'short';

/** Up to this many words every order in which to decide them is tried. */
const EXHAUSTIVE_WORDS_MAX = 4;
/** Cases of one system call gone through while orders are compared, and in all. */
const WORK_FOR_CHOICE = 2_000;
const WORK_MAX = 10_000;
/** Weight of a range that leads to the default, against 1 for others: refused calls are rare. */
const REFUSED_WEIGHT = 0.1;
/** What an instruction of length counts against one that is executed. */
const NODE_COST = 0.02;
const STEP_WEIGHT = 0.5;
/** Ranges of a word that are searched exactly; there are many words, and most have few ranges. */
const EXACT_MAX = 32;

/** How much longer than the plain way a graph may be that executes fewer instructions: by this factor and constant. */
const LENGTH_FACTOR = 1.25;
const LENGTH_SLACK = 8;

/** Compiles the formulas of one program into its graph. */
export class FormulaCompiler {
  readonly #graph: DecisionGraph;
  readonly #aim: Aim;
  /** Nodes that the program has anyway: using them again is free. */
  readonly #committed = new Set<NodeId>();
  readonly #memo = new Map<string, NodeId>();
  readonly #steps = new Map<NodeId, number>();
  #work = 0;

  constructor(graph: DecisionGraph, aim: Aim) {
    this.#graph = graph;
    this.#aim = aim;
  }

  /** Adds a formula to the graph. @returns its entry: a load or a return. */
  compile(formula: Formula): NodeId {
    const plain = addLinear(this.#graph, formula);
    const decided = this.#decideAll(formula);
    const entry = decided !== null && this.#isWorth(decided, plain) ? decided : plain;
    this.#graph.collect(entry, this.#committed);
    return entry;
  }

  /** The formula word by word, or null if there is too much to tell apart. */
  #decideAll(formula: Formula): NodeId | null {
    this.#work = 0;
    try {
      return this.#decide(formula);
    } catch (error) {
      if (error instanceof FormulaTooLarge) {
        return null;
      }
      throw error;
    }
  }

  #isWorth(decided: NodeId, plain: NodeId): boolean {
    const length = this.#added(decided);
    const plainLength = this.#added(plain);
    return this.#aim === 'short'
      ? length <= plainLength
      : length <= plainLength * LENGTH_FACTOR + LENGTH_SLACK;
  }

  #decide(formula: Formula): NodeId {
    const known = this.#memo.get(formula.key);
    if (known !== undefined) {
      return known;
    }
    const entry =
      formula.branches.length === 0
        ? this.#graph.addReturn(formula.otherwise)
        : this.#decideBest(formula);
    this.#memo.set(formula.key, entry);
    return entry;
  }

  #decideBest(formula: Formula): NodeId {
    const words = wordsOfFormula(formula);
    const isExhaustive = words.length <= EXHAUSTIVE_WORDS_MAX && this.#work < WORK_FOR_CHOICE;
    let best: NodeId | null = null;
    for (const word of isExhaustive ? words : words.slice(0, 1)) {
      const entry = this.#decideWord(formula, word);
      if (best === null || this.#score(entry) < this.#score(best)) {
        best = entry;
      }
    }
    return best ?? this.#graph.addReturn(formula.otherwise);
  }

  /** Length added to the program, and steps to an average verdict. */
  #score(entry: NodeId): number {
    return this.#added(entry) + STEP_WEIGHT * this.#stepsFrom(entry);
  }

  /** Nodes from an entry on that the program does not have yet. */
  #added(entry: NodeId): number {
    const seen = new Set<NodeId>();
    this.#graph.collect(entry, seen);
    let added = 0;
    for (const id of seen) {
      added += this.#committed.has(id) ? 0 : 1;
    }
    return added;
  }

  #stepsFrom(id: NodeId): number {
    const known = this.#steps.get(id);
    if (known !== undefined) {
      return known;
    }
    const node = this.#graph.node(id);
    let steps = 1;
    if (node.kind === 'load') {
      steps += this.#stepsFrom(node.next);
    } else if (node.kind === 'test') {
      steps += (this.#stepsFrom(node.yes) + this.#stepsFrom(node.no)) / 2;
    }
    this.#steps.set(id, steps);
    return steps;
  }

  #decideWord(formula: Formula, word: number): NodeId {
    const refused = this.#graph.addReturn(formula.otherwise);
    const ranges: WeightedRange[] = [];
    for (const { fact, formulas } of casesByInterval([formula], word)) {
      this.#countWork();
      const target = this.#decideMasks(formulas[0] ?? formula, word, fact);
      const weight = target === refused ? REFUSED_WEIGHT : 1;
      ranges.push({ min: fact.min, max: fact.max, target, weight });
    }
    const root = addSearchTree(this.#graph, ranges, {
      nodeCost: NODE_COST,
      exactMax: EXACT_MAX,
    });
    // Entries are loads and returns; a test is one of this word, which has to be loaded first.
    return this.#graph.addLoad(wordOffset(word), root);
  }

  #decideMasks(formula: Formula, word: number, fact: WordFact): NodeId {
    const mask = pendingMask(formula, word);
    if (mask === null) {
      return this.#decide(formula);
    }
    const set = afterMaskTest(fact, mask, true);
    const clear = afterMaskTest(fact, mask, false);
    this.#countWork();
    const yes = this.#decideMasks(restrictFormula(formula, set), word, set);
    const no = this.#decideMasks(restrictFormula(formula, clear), word, clear);
    return this.#graph.addTest('set', mask, yes, no);
  }

  #countWork(): void {
    this.#work++;
    if (this.#work > WORK_MAX) {
      throw new FormulaTooLarge(`more than ${WORK_MAX} cases`);
    }
  }
}
