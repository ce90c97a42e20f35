/** Constants and expressions: `~(A|0x10)`, `arg0 == 1 && arg1 in 7 || arg2 != 3`. */
import type { Atom, CompareOp, Expression } from './ast.ts';
import type { Token } from './lexer.ts';
import type { Target } from './target.ts';
import { lineError, type TokenCursor } from './token-cursor.ts';

/** Arguments of a system call that `seccomp_data` holds. */
export const ARGUMENT_COUNT = 6;

const MAX_UNSIGNED = 2n ** 64n - 1n;
const MIN_SIGNED = -(2n ** 63n);
const CONSTANT_EXPECTED = 'a number, the name of a kernel constant, ~ or (';
/** Parentheses that may be open at once: a limit of ours, far above what anybody writes. */
const NESTING_MAX = 200;

/** Parses C's spelling of a number: hexadecimal, octal after a 0, else decimal; with an optional minus. */
export function parseNumber(text: string): bigint {
  const negative = text.startsWith('-');
  const digits = negative ? text.slice(1) : text;
  const isOctal = /^0[0-7]+$/.test(digits);
  const magnitude = BigInt(isOctal ? `0o${digits.slice(1)}` : digits.replace(/^0+(?=\d)/, ''));
  return negative ? -magnitude : magnitude;
}

/** A number or the name of a constant, as an unsigned 64-bit value. */
export function parseSingle(token: Token, target: Target): bigint {
  if (token.kind === 'IDENTIFIER') {
    const value = target.constants.get(token.value);
    if (value === undefined) {
      throw lineError(
        token.span,
        'invalid constant',
        `a constant of ${target.policyName} headers or a number`,
      );
    }
    return value;
  }
  if (token.kind !== 'NUMBER') {
    throw lineError(token.span, 'invalid constant', CONSTANT_EXPECTED);
  }
  const value = parseNumber(token.value);
  if (value > MAX_UNSIGNED) {
    throw lineError(token.span, 'unsigned overflow', 'at most 0xffffffffffffffff');
  }
  if (value < MIN_SIGNED) {
    throw lineError(token.span, 'signed underflow', 'at least -0x8000000000000000');
  }
  return BigInt.asUintN(64, value);
}

function parseConstant(cursor: TokenCursor, target: Target, depth: number): bigint {
  const tilde = cursor.accept('COMPLEMENT');
  if (tilde !== undefined) {
    const next = cursor.peek();
    if (next === undefined) {
      throw lineError(cursor.end, 'empty complement', 'a constant after ~');
    }
    if (next.kind === 'COMPLEMENT') {
      throw lineError(next.span, 'invalid double complement', 'one ~ only; ~(~x) is allowed');
    }
  }
  const open = cursor.accept('LPAREN');
  let value: bigint;
  if (open !== undefined) {
    if (depth >= NESTING_MAX) {
      throw lineError(
        open.span,
        'parentheses nested too deep',
        `at most ${NESTING_MAX} open at once`,
      );
    }
    value = parseValue(cursor, target, depth + 1);
    if (cursor.accept('RPAREN') === undefined) {
      throw lineError(open.span, 'unclosed parenthesis', 'a ) that closes it');
    }
  } else {
    value = parseSingle(cursor.take('empty constant', CONSTANT_EXPECTED), target);
  }
  return tilde === undefined ? value : MAX_UNSIGNED - value;
}

/** Constants joined by `|`. */
export function parseValue(cursor: TokenCursor, target: Target, depth = 0): bigint {
  let value = 0n;
  do {
    if (cursor.isAtEnd()) {
      throw lineError(cursor.end, 'empty constant', CONSTANT_EXPECTED);
    }
    value |= parseConstant(cursor, target, depth);
  } while (cursor.accept('BITWISE_OR') !== undefined);
  return value;
}

function isCompareOp(text: string): text is CompareOp {
  return ['==', '!=', '<', '<=', '>', '>=', '&', 'in'].includes(text);
}

function parseAtom(cursor: TokenCursor, target: Target): Atom {
  const mark = cursor.position;
  const argument = cursor.expect(
    'ARGUMENT',
    'missing argument',
    'invalid argument',
    'arg0 to arg5',
  );
  const operatorExpected = 'one of == != < <= > >= & in';
  const operator = cursor.expect('OP', 'missing operator', 'invalid operator', operatorExpected);
  if (!isCompareOp(operator.value)) {
    throw lineError(operator.span, 'invalid operator', operatorExpected);
  }
  const valueMark = cursor.position;
  const value = parseValue(cursor, target);
  const arg = Number(argument.value.slice('arg'.length));
  if (arg >= ARGUMENT_COUNT) {
    throw lineError(argument.span, 'invalid argument', 'arg0 to arg5');
  }
  return {
    arg,
    op: operator.value,
    value,
    valueText: cursor.textSince(valueMark),
    span: cursor.spanSince(mark),
    valueSpan: cursor.spanSince(valueMark),
  };
}

/** Clauses joined by `||`, of atoms joined by `&&`. */
export function parseExpression(cursor: TokenCursor, target: Target): Expression {
  const clauses: Atom[][] = [];
  do {
    if (cursor.isAtEnd()) {
      throw lineError(
        cursor.end,
        'empty argument expression',
        'an alternative that begins with arg0 to arg5',
      );
    }
    const atoms: Atom[] = [];
    do {
      if (cursor.isAtEnd()) {
        throw lineError(cursor.end, 'empty clause', 'a condition that begins with arg0 to arg5');
      }
      atoms.push(parseAtom(cursor, target));
    } while (cursor.accept('AND') !== undefined);
    clauses.push(atoms);
  } while (cursor.accept('OR') !== undefined);
  return clauses;
}
