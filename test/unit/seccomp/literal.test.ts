import fc from 'fast-check';
import t from 'tap';
import type { CompareOp } from '../../../src/seccomp/ast.ts';
import {
  atomCondition,
  type Condition,
  restrict,
  type WordFact,
} from '../../../src/seccomp/literal.ts';
import { evaluateAtom } from '../../../src/seccomp/policy.ts';
import { witnessFor } from '../../../src/seccomp/witness.ts';

const ops = fc.constantFrom<CompareOp>('==', '!=', '<', '<=', '>', '>=', '&', 'in');
const word = fc.oneof(
  fc.constantFrom(0, 1, 2, 3, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff),
  fc.nat({ max: 0xffff_ffff }),
);

/** A fact about a word that holds for `value`: it is in the range and fits the masks. */
function factAbout(
  index: number,
  value: number,
  below: number,
  above: number,
  mask: number,
): WordFact {
  return {
    word: index,
    min: Math.min(value, below),
    max: Math.max(value, above),
    zeros: (~value & mask) >>> 0,
    anyOf: (value & mask) === 0 ? [] : [mask],
  };
}

function holds(condition: Condition, low: number, high: number): boolean {
  if (typeof condition === 'boolean') {
    return condition;
  }
  const settle = (index: number, value: number): WordFact =>
    factAbout(index, value, value, value, 0);
  const first = restrict(condition, settle(0, low));
  const second = typeof first === 'boolean' ? first : restrict(first, settle(1, high));
  if (typeof second !== 'boolean') {
    throw new Error(`${second.key} is left although both words are known`);
  }
  return second;
}

function argumentOf(low: number, high: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low);
}

t.test('atomCondition means what the atom means', async (t) => {
  const outcome = fc.check(
    fc.property(ops, word, word, word, word, (op, high, low, argHigh, argLow) => {
      const atom = { arg: 0, op, value: argumentOf(low, high) };
      const meant = evaluateAtom(atom, argumentOf(argLow, argHigh));
      return holds(atomCondition(atom), argLow, argHigh) === meant;
    }),
    { numRuns: 2000 },
  );
  t.notOk(outcome.failed, fc.defaultReportMessage(outcome) ?? '');
});

t.test('restrict keeps the meaning for every word that fits the fact', async (t) => {
  const outcome = fc.check(
    fc.property(
      ops,
      fc.tuple(word, word),
      fc.tuple(word, word),
      fc.tuple(word, word, word),
      fc.boolean(),
      (op, [high, low], [argHigh, argLow], [below, above, mask], isHigh) => {
        const atom = { arg: 0, op, value: argumentOf(low, high) };
        const condition = atomCondition(atom);
        const fact = isHigh
          ? factAbout(1, argHigh, below, above, mask)
          : factAbout(0, argLow, below, above, mask);
        const restricted = typeof condition === 'boolean' ? condition : restrict(condition, fact);
        return (
          holds(restricted, argLow, argHigh) === evaluateAtom(atom, argumentOf(argLow, argHigh))
        );
      },
    ),
    { numRuns: 5000 },
  );
  t.notOk(outcome.failed, fc.defaultReportMessage(outcome) ?? '');
});

t.test('witnessFor finds a value whenever there is one, and it fits', async (t) => {
  const byte = fc.nat({ max: 255 });
  const outcome = fc.check(
    fc.property(byte, byte, byte, fc.array(byte, { maxLength: 3 }), (a, b, zeros, anyOf) => {
      const fact: WordFact = { word: 0, min: Math.min(a, b), max: Math.max(a, b), zeros, anyOf };
      const fits = (value: number): boolean =>
        value >= fact.min &&
        value <= fact.max &&
        (value & zeros) === 0 &&
        anyOf.every((mask) => (value & mask) !== 0);
      const exists = Array.from({ length: 256 }, (_, value) => value).some(fits);
      const found = witnessFor(fact);
      return found === null ? !exists : fits(found);
    }),
    { numRuns: 5000 },
  );
  t.notOk(outcome.failed, fc.defaultReportMessage(outcome) ?? '');
});

t.test('witnessFor reaches the highest bit', async (t) => {
  t.equal(
    witnessFor({ word: 0, min: 1, max: 0xffff_ffff, zeros: 0x7fff_ffff, anyOf: [] }),
    0x8000_0000,
  );
  t.equal(witnessFor({ word: 0, min: 0, max: 0x7fff_ffff, zeros: 0, anyOf: [0x8000_0000] }), null);
});
