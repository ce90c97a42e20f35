/**
 * What is left to decide about a system call: an ordered list of conditions with verdicts, first true one wins. Facts
 * about argument words shrink it until only a verdict is left. Formulas with the same key mean the same.
 */
import type { Expression } from './ast.ts';
import {
  atomCondition,
  type Condition,
  type Literal,
  operandFor,
  rangeFact,
  restrict,
  WORD_MAX,
  type WordFact,
  wordsOf,
} from './literal.ts';
import type { Rule } from './policy.ts';

/** A conjunction. */
export type Clause = readonly Literal[];

/** Alternatives with the verdict that they lead to. */
export interface Branch {
  readonly clauses: readonly Clause[];
  readonly verdict: number;
}

/** Never empty clauses, never two neighbouring branches with one verdict, never a last branch that changes nothing. */
export interface Formula {
  readonly branches: readonly Branch[];
  /** The verdict when no branch is true. */
  readonly otherwise: number;
  /** Canonical text. */
  readonly key: string;
}

/** Up to this many clauses of a branch, those that another one implies are dropped; that takes quadratic time. */
const ABSORPTION_MAX = 64;

/** The formula of a system call's rules. @param defaultReturn verdict when all rules fail. */
export function formulaOf(rules: readonly Rule[], defaultReturn: number): Formula {
  const alternatives = rules.map(({ expression, action }) => ({ expression, verdict: action }));
  return formulaOfAlternatives(alternatives, defaultReturn);
}

/** The formula of expressions with verdicts of any meaning, 32 bits; first true one wins, null is always true. */
export function formulaOfAlternatives(
  alternatives: readonly { readonly expression: Expression | null; readonly verdict: number }[],
  otherwise: number,
): Formula {
  const branches = alternatives.map(({ expression, verdict }) => ({
    clauses: expression?.map((clause) => clause.map(atomCondition)) ?? [[]],
    verdict,
  }));
  return makeFormula(branches, otherwise);
}

/** A formula that is a verdict already. */
export function verdictFormula(verdict: number): Formula {
  return { branches: [], otherwise: verdict, key: String(verdict) };
}

function makeFormula(
  raw: readonly { readonly clauses: readonly (readonly Condition[])[]; readonly verdict: number }[],
  finalVerdict: number,
): Formula {
  let otherwise = finalVerdict;
  const merged: { clauses: Clause[]; verdict: number }[] = [];
  for (const { clauses, verdict } of raw) {
    const live = clauses.map(simplifyClause).filter((clause) => clause !== null);
    if (live.length === 0) {
      continue;
    }
    if (live.some((clause) => clause.length === 0)) {
      otherwise = verdict;
      break;
    }
    const last = merged.at(-1);
    if (last?.verdict === verdict) {
      for (const clause of live) {
        last.clauses.push(clause);
      }
    } else {
      merged.push({ clauses: live, verdict });
    }
  }
  while (merged.at(-1)?.verdict === otherwise) {
    merged.pop();
  }
  const branches = merged.map(({ clauses, verdict }) => ({
    clauses: canonicalClauses(clauses),
    verdict,
  }));
  return { branches, otherwise, key: formulaKey(branches, otherwise) };
}

/** Drops true literals and doubles; null if a literal is false or two contradict each other. */
function simplifyClause(clause: readonly Condition[]): Clause | null {
  const literals = new Map<string, Literal>();
  for (const condition of clause) {
    if (condition === false) {
      return null;
    }
    if (condition !== true) {
      literals.set(condition.key, condition);
    }
  }
  return [...literals.values()];
}

function clauseKey(clause: Clause): string {
  return clause.map((literal) => literal.key).join('&');
}

function canonicalClauses(clauses: readonly Clause[]): readonly Clause[] {
  const unique = new Map<string, Clause>();
  for (const clause of clauses) {
    const sorted = [...clause].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
    unique.set(clauseKey(sorted), sorted);
  }
  const sorted = [...unique].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, clause]) => clause);
  return sorted.length > 1 && sorted.length <= ABSORPTION_MAX ? absorb(sorted) : sorted;
}

/** Drops clauses that contain all literals of another one: `a || a && b` is `a`. */
function absorb(clauses: readonly Clause[]): readonly Clause[] {
  const keySets = clauses.map((clause) => new Set(clause.map((literal) => literal.key)));
  return clauses.filter((clause, index) => {
    const keys = clause.map((literal) => literal.key);
    return !keySets.some(
      (others, other) => other !== index && others.size < keys.length && isSubset(others, keys),
    );
  });
}

function isSubset(small: ReadonlySet<string>, large: readonly string[]): boolean {
  let found = 0;
  for (const key of large) {
    found += small.has(key) ? 1 : 0;
  }
  return found === small.size;
}

function formulaKey(branches: readonly Branch[], otherwise: number): string {
  const parts = branches.map(
    ({ clauses, verdict }) => `${clauses.map(clauseKey).join('|')}>${verdict}`,
  );
  return [...parts, String(otherwise)].join(';');
}

/** What is left of a formula under a fact about one word. */
export function restrictFormula(formula: Formula, fact: WordFact): Formula {
  let changed = false;
  const branches: { clauses: Condition[][]; verdict: number }[] = [];
  for (const { clauses, verdict } of formula.branches) {
    const restricted: Condition[][] = [];
    for (const clause of clauses) {
      const conditions = clause.map((literal) => restrict(literal, fact));
      changed ||= conditions.some((condition, index) => condition !== clause[index]);
      restricted.push(conditions);
    }
    branches.push({ clauses: restricted, verdict });
  }
  return changed ? makeFormula(branches, formula.otherwise) : formula;
}

function* literalsOf(formula: Formula): Generator<Literal> {
  for (const { clauses } of formula.branches) {
    for (const clause of clauses) {
      yield* clause;
    }
  }
}

/** The words that a formula depends on, those of the first clauses first. */
export function wordsOfFormula(formula: Formula): readonly number[] {
  const words = new Set<number>();
  for (const literal of literalsOf(formula)) {
    for (const word of wordsOf(literal)) {
      words.add(word);
    }
  }
  return [...words];
}

/** A range of a word in which all comparisons (but not mask tests) come out the same. */
interface Interval {
  readonly min: number;
  readonly max: number;
}

/** Cuts the range of a word wherever a comparison of one of the formulas changes its outcome. */
function intervalsOf(formulas: readonly Formula[], word: number): readonly Interval[] {
  const starts = new Set<number>([0]);
  for (const literal of formulas.flatMap((formula) => [...literalsOf(formula)])) {
    const value = operandFor(literal, word);
    if (value !== null && literal.op !== 'any' && literal.op !== 'none') {
      starts.add(value);
      // Equal and greater differ for equality, and for the half of a 64-bit comparison.
      if (value < WORD_MAX) {
        starts.add(value + 1);
      }
    }
  }
  const sorted = [...starts].sort((a, b) => a - b);
  return sorted.map((min, index) => ({ min, max: (sorted[index + 1] ?? WORD_MAX + 1) - 1 }));
}

/** One interval of a word, and what is left of each formula there. */
export interface IntervalCase {
  readonly fact: WordFact;
  readonly formulas: readonly Formula[];
}

/**
 * Restricts formulas to each interval of a word, in ascending order; only mask tests of the word are left. By halves,
 * so that a list of a thousand constants is not gone through a thousand times.
 */
export function* casesByInterval(
  formulas: readonly Formula[],
  word: number,
): Generator<IntervalCase> {
  yield* halve(formulas, word, intervalsOf(formulas, word));
}

function* halve(
  formulas: readonly Formula[],
  word: number,
  intervals: readonly Interval[],
): Generator<IntervalCase> {
  const fact = rangeFact(word, intervals[0]?.min ?? 0, intervals.at(-1)?.max ?? WORD_MAX);
  const restricted = formulas.map((formula) => restrictFormula(formula, fact));
  if (intervals.length <= 1) {
    yield { fact, formulas: restricted };
    return;
  }
  const middle = intervals.length >> 1;
  yield* halve(restricted, word, intervals.slice(0, middle));
  yield* halve(restricted, word, intervals.slice(middle));
}

/** A mask test of the formula that depends on this word, or null if there is none. The mask of most literals wins. */
export function pendingMask(formula: Formula, word: number): number | null {
  const counts = new Map<number, number>();
  for (const literal of literalsOf(formula)) {
    const value = operandFor(literal, word);
    if (value !== null && (literal.op === 'any' || literal.op === 'none')) {
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
  }
  let best: number | null = null;
  for (const [mask, count] of counts) {
    if (best === null || count > (counts.get(best) ?? 0)) {
      best = mask;
    }
  }
  return best;
}

/** The fact that holds in an interval after a mask test came out set or clear. */
export function afterMaskTest(fact: WordFact, mask: number, isSet: boolean): WordFact {
  return isSet
    ? { ...fact, anyOf: [...fact.anyOf, mask] }
    : { ...fact, zeros: (fact.zeros | mask) >>> 0 };
}
