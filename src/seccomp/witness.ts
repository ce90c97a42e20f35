/** Values that satisfy what is known of a word: the examples that audits show. */
import { WORD_MAX, type WordFact } from './literal.ts';

/**
 * The smallest kind of value that fits a fact: in its range, with none of the bits that must be clear, and with a bit
 * of every mask that must have one.
 *
 * @returns null when there is none, which proves that the case cannot happen.
 */
export function witnessFor(fact: WordFact): number | null {
  return withBits(fact, 0, 0);
}

/** Tries, mask after mask, each bit that may satisfy it. */
function withBits(fact: WordFact, index: number, required: number): number | null {
  const mask = fact.anyOf[index];
  if (mask === undefined) {
    return smallestAbove(fact, required);
  }
  const usable = (mask & ~fact.zeros) >>> 0;
  if ((usable & required) !== 0) {
    return withBits(fact, index + 1, required);
  }
  for (let bit = 0; bit < 32; bit++) {
    const value = 2 ** bit;
    if ((usable & value) !== 0) {
      const found = withBits(fact, index + 1, (required | value) >>> 0);
      if (found !== null) {
        return found;
      }
    }
  }
  return null;
}

/** The smallest value in range that has all required bits and none of the forbidden ones. */
function smallestAbove(fact: WordFact, required: number): number | null {
  const forbidden = fact.zeros;
  if ((required & forbidden) !== 0) {
    return null;
  }
  const fits = (value: number): boolean =>
    (value & forbidden) === 0 && (value & required) >>> 0 === required;
  if (fits(fact.min)) {
    return fact.min;
  }
  // A larger value agrees with `min` above some bit, has a 1 there where `min` has a 0, and is smallest below it.
  for (let bit = 0; bit < 32; bit++) {
    const one = 2 ** bit;
    if ((fact.min & one) !== 0) {
      continue;
    }
    const above = bit === 31 ? 0 : (fact.min & (WORD_MAX << (bit + 1))) >>> 0;
    const candidate = (above | one | (required & (one - 1))) >>> 0;
    if (fits(candidate)) {
      return candidate <= fact.max ? candidate : null;
    }
  }
  return null;
}
