/**
 * Goes through every case that a list of formulas tells apart, and says what each comes to: the common ground of
 * comparing policies, finding rules that never decide, and showing examples.
 */
import {
  afterMaskTest,
  casesByInterval,
  type Formula,
  pendingMask,
  restrictFormula,
  wordsOfFormula,
} from './formula.ts';
import { highWord, lowWord, type WordFact } from './literal.ts';
import { ARGUMENT_COUNT } from './parse-value.ts';
import { witnessFor } from './witness.ts';

/** A case: what every formula comes to, and arguments for which it does. */
export interface ExploredCase {
  /** Verdict of each formula, in their order. */
  readonly verdicts: readonly number[];
  /** Six arguments. */
  readonly args: readonly bigint[];
}

/** More cases than can be gone through; what was found up to then holds. */
export class TooManyCases extends Error {}

/** Cases gone through before giving up: about a second. */
const CASES_MAX = 20_000;

/**
 * Visits the cases of formulas over the same arguments.
 *
 * A group of cases that was visited before under other facts is not visited again: each combination of verdicts is
 * reported at least once, but not from every region of the arguments.
 *
 * @throws TooManyCases
 */
export function exploreCases(
  formulas: readonly Formula[],
  visit: (found: ExploredCase) => void,
): void {
  new Explorer(visit).explore(formulas, new Map());
}

type Facts = ReadonlyMap<number, WordFact>;

class Explorer {
  readonly #visit: (found: ExploredCase) => void;
  readonly #seen = new Set<string>();
  #cases = 0;

  constructor(visit: (found: ExploredCase) => void) {
    this.#visit = visit;
  }

  explore(formulas: readonly Formula[], facts: Facts): void {
    const [word] = formulas.flatMap(wordsOfFormula);
    if (word === undefined) {
      this.#visit({ verdicts: formulas.map(({ otherwise }) => otherwise), args: exampleOf(facts) });
      return;
    }
    const key = formulas.map((formula) => formula.key).join('#');
    if (this.#seen.has(key)) {
      return;
    }
    this.#seen.add(key);
    for (const { fact, formulas: restricted } of casesByInterval(formulas, word)) {
      this.#exploreUnder(restricted, facts, fact);
    }
  }

  /** Goes on with what is left under a fact, after all mask tests of its word. */
  #exploreUnder(formulas: readonly Formula[], facts: Facts, fact: WordFact): void {
    this.#cases++;
    if (this.#cases > CASES_MAX) {
      throw new TooManyCases(`more than ${CASES_MAX} cases`);
    }
    if (witnessFor(fact) === null) {
      return;
    }
    const mask = firstMask(formulas, fact.word);
    if (mask === null) {
      this.explore(formulas, new Map([...facts, [fact.word, fact]]));
      return;
    }
    for (const isSet of [false, true]) {
      const next = afterMaskTest(fact, mask, isSet);
      const restricted = formulas.map((formula) => restrictFormula(formula, next));
      this.#exploreUnder(restricted, facts, next);
    }
  }
}

function firstMask(formulas: readonly Formula[], word: number): number | null {
  for (const formula of formulas) {
    const mask = pendingMask(formula, word);
    if (mask !== null) {
      return mask;
    }
  }
  return null;
}

function exampleOf(facts: Facts): readonly bigint[] {
  const valueOf = (word: number): bigint => {
    const fact = facts.get(word);
    return BigInt((fact === undefined ? null : witnessFor(fact)) ?? 0);
  };
  return Array.from(
    { length: ARGUMENT_COUNT },
    (_, arg) => (valueOf(highWord(arg)) << 32n) | valueOf(lowWord(arg)),
  );
}
