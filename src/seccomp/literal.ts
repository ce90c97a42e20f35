/**
 * Conditions as BPF can test them. An argument is two 32-bit words, and a comparison of the language becomes a test of
 * one word or of both. What is known of a word turns a test into true, false or a simpler test.
 *
 * Words are numbered 2*argument for the low half and 2*argument + 1 for the high half; all values are unsigned.
 */
import type { Atom } from './ast.ts';

/** Tests; `any`: a bit of the value is set, `none`: no bit of it is set. */
export type TestOp = 'eq' | 'ne' | 'lt' | 'ge' | 'any' | 'none';

/** A test of one word against a 32-bit value. */
export interface WordLiteral {
  readonly kind: 'word';
  readonly key: string;
  readonly word: number;
  readonly op: TestOp;
  readonly value: number;
}

/** A test of a whole argument against a 64-bit value, both halves of which matter. */
export interface WideLiteral {
  readonly kind: 'wide';
  readonly key: string;
  readonly arg: number;
  readonly op: TestOp;
  readonly high: number;
  readonly low: number;
}

export type Literal = WordLiteral | WideLiteral;

/** A literal that is not constant, or the constant that it is. */
export type Condition = Literal | boolean;

export const WORD_MAX = 0xffff_ffff;

export function lowWord(arg: number): number {
  return 2 * arg;
}

export function highWord(arg: number): number {
  return 2 * arg + 1;
}

const NEGATION: Readonly<Record<TestOp, TestOp>> = {
  eq: 'ne',
  ne: 'eq',
  lt: 'ge',
  ge: 'lt',
  any: 'none',
  none: 'any',
};

/** The tests of which the others are the negations. */
function isNegative(op: TestOp): boolean {
  return op === 'ne' || op === 'ge' || op === 'none';
}

/** A test of one word, reduced to a constant where it is one whatever the word holds. */
export function wordCondition(word: number, op: TestOp, value: number): Condition {
  if (isNegative(op)) {
    return negate(wordCondition(word, NEGATION[op], value));
  }
  if ((op === 'lt' || op === 'any') && value === 0) {
    return false;
  }
  return { kind: 'word', key: `${word}${op}${value}`, word, op, value };
}

function wideCondition(arg: number, op: TestOp, high: number, low: number): Condition {
  if (isNegative(op)) {
    return negate(wideCondition(arg, NEGATION[op], high, low));
  }
  // Only one half matters: no bits in the other one, or whole multiples of 2^32.
  if (op === 'any' && high === 0) {
    return wordCondition(lowWord(arg), op, low);
  }
  if ((op === 'any' || op === 'lt') && low === 0) {
    return wordCondition(highWord(arg), op, high);
  }
  return { kind: 'wide', key: `${arg}w${op}${high}.${low}`, arg, op, high, low };
}

/** The opposite of a condition. */
export function negate(condition: Condition): Condition {
  if (typeof condition === 'boolean') {
    return !condition;
  }
  const op = NEGATION[condition.op];
  return condition.kind === 'word'
    ? { ...condition, op, key: `${condition.word}${op}${condition.value}` }
    : { ...condition, op, key: `${condition.arg}w${op}${condition.high}.${condition.low}` };
}

/** A comparison of the language as a condition. */
export function atomCondition({ arg, op, value }: Pick<Atom, 'arg' | 'op' | 'value'>): Condition {
  const make = (test: TestOp, operand: bigint): Condition =>
    wideCondition(arg, test, Number(operand >> 32n), Number(operand & 0xffff_ffffn));
  const MAX = 2n ** 64n - 1n;
  switch (op) {
    case '==':
      return make('eq', value);
    case '!=':
      return make('ne', value);
    case '<':
      return make('lt', value);
    case '>=':
      return make('ge', value);
    case '<=':
      return value === MAX ? true : make('lt', value + 1n);
    case '>':
      return value === MAX ? false : make('ge', value + 1n);
    case '&':
      return make('any', value);
    case 'in':
      return make('none', MAX - value);
  }
}

/** What is known of one word: it lies in a range, some bits are 0, and of some masks at least one bit is 1. */
export interface WordFact {
  readonly word: number;
  readonly min: number;
  readonly max: number;
  /** Bits that are known to be 0. */
  readonly zeros: number;
  /** Masks of each of which at least one bit is known to be 1. */
  readonly anyOf: readonly number[];
}

/** Nothing known of a word but its range. */
export function rangeFact(word: number, min: number, max: number): WordFact {
  return { word, min, max, zeros: 0, anyOf: [] };
}

/** What is left of a condition under a fact about one word. */
export function restrict(literal: Literal, fact: WordFact): Condition {
  if (isNegative(literal.op)) {
    const positive = negate(literal);
    return typeof positive === 'boolean'
      ? !positive
      : unlessSame(literal, negate(restrict(positive, fact)));
  }
  if (literal.kind === 'word') {
    return literal.word === fact.word ? restrictWord(literal, fact) : literal;
  }
  const isLow = fact.word === lowWord(literal.arg);
  const isHigh = fact.word === highWord(literal.arg);
  return isLow || isHigh ? restrictWide(literal, fact, isHigh) : literal;
}

/** Keeps the object where nothing changed, so that callers can compare by identity. */
function unlessSame(literal: Literal, condition: Condition): Condition {
  return typeof condition !== 'boolean' && condition.key === literal.key ? literal : condition;
}

function restrictWord(literal: WordLiteral, fact: WordFact): Condition {
  const { op, value } = literal;
  const { min, max, zeros } = fact;
  if (op === 'eq') {
    if (value < min || value > max || (value & zeros) !== 0) {
      return false;
    }
    return min === max ? true : literal;
  }
  if (op === 'lt') {
    return max < value ? true : min >= value ? false : literal;
  }
  return restrictMask(literal, value, fact);
}

function restrictMask(literal: WordLiteral, value: number, fact: WordFact): Condition {
  // Above the highest bit in which the ends of the range differ, all its members have the bits of `min`.
  const varying = bitsUpTo(fact.min ^ fact.max);
  if ((fact.min & ~varying & value) !== 0) {
    return true;
  }
  const open = (value & varying & ~fact.zeros) >>> 0;
  if (open === 0) {
    return false;
  }
  if (
    fact.anyOf.some(
      (mask) => (mask & varying & ~fact.zeros & ~open) === 0 && !hasFixedBit(mask, fact, varying),
    )
  ) {
    return true;
  }
  return open === value ? literal : wordCondition(literal.word, 'any', open);
}

/** True if the range alone makes the mask hold, so that it says nothing about the open bits. */
function hasFixedBit(mask: number, fact: WordFact, varying: number): boolean {
  return (fact.min & ~varying & mask) !== 0;
}

/** All bits up to the highest one that is set. */
function bitsUpTo(value: number): number {
  const leading = Math.clz32(value);
  return leading === 32 ? 0 : WORD_MAX >>> leading;
}

/** A positive test of both halves, when something is known of one of them. */
function restrictWide(literal: WideLiteral, fact: WordFact, isHigh: boolean): Condition {
  const { arg, op, high, low } = literal;
  const own = isHigh ? high : low;
  const other = isHigh ? low : high;
  const otherWord = isHigh ? lowWord(arg) : highWord(arg);
  const decide = (test: TestOp): Condition => {
    const condition = wordCondition(fact.word, test, own);
    return typeof condition === 'boolean' ? condition : restrict(condition, fact);
  };
  if (op === 'eq') {
    const half = decide('eq');
    return half === true ? wordCondition(otherWord, 'eq', other) : half === false ? false : literal;
  }
  if (op === 'any') {
    const half = decide('any');
    return half === false ? wordCondition(otherWord, 'any', other) : half === true ? true : literal;
  }
  return isHigh ? lessByHigh(literal, decide) : lessByLow(literal, decide);
}

/** `arg < value`, the high half being known. */
function lessByHigh(literal: WideLiteral, decide: (test: TestOp) => Condition): Condition {
  if (decide('lt') === true) {
    return true;
  }
  const equal = decide('eq');
  if (equal === true) {
    return wordCondition(lowWord(literal.arg), 'lt', literal.low);
  }
  return decide('ge') === true && equal === false ? false : literal;
}

/** `arg < value`, the low half being known: the high half may then be equal or has to be less. */
function lessByLow(literal: WideLiteral, decide: (test: TestOp) => Condition): Condition {
  const less = decide('lt');
  if (typeof less !== 'boolean') {
    return literal;
  }
  const word = highWord(literal.arg);
  if (!less) {
    return wordCondition(word, 'lt', literal.high);
  }
  return literal.high === WORD_MAX ? true : wordCondition(word, 'lt', literal.high + 1);
}

/** The words that a literal depends on. */
export function wordsOf(literal: Literal): readonly number[] {
  return literal.kind === 'word' ? [literal.word] : [highWord(literal.arg), lowWord(literal.arg)];
}

/** The value that a literal compares a word with, if it depends on that word. */
export function operandFor(literal: Literal, word: number): number | null {
  if (literal.kind === 'word') {
    return literal.word === word ? literal.value : null;
  }
  if (word === lowWord(literal.arg)) {
    return literal.low;
  }
  return word === highWord(literal.arg) ? literal.high : null;
}
