/** Policy files of every kind of wrongness, for the policy fuzz target and the tests around it. */
import fc from 'fast-check';
import { compilePolicyFile, PolicyError } from '../../src/seccomp/compile.ts';
import { memoryReader } from '../../src/seccomp/source.ts';

/** Pieces of the language and of its neighbours, to be strung together. */
const PIECES = [
  ...[
    'read',
    'ioctl',
    'kill',
    'nosuch',
    'a@b',
    'a@b@c',
    'arch',
    'x86_64',
    'arm64',
    'TCGETS',
    'EPERM',
  ],
  ...[
    'arg0',
    'arg5',
    'arg6',
    'arg7',
    'arg99999999999999999999',
    'argx',
    'in',
    'return',
    'allow',
    'trap',
  ],
  ...[
    'kill-process',
    'log',
    '1',
    '0',
    '-1',
    '0x',
    '0x7',
    '07',
    '08',
    '18446744073709551616',
    '~',
    '|',
    '||',
  ],
  ...[
    '&',
    '&&',
    '==',
    '!=',
    '<=',
    '<',
    '>=',
    '>',
    '=',
    ':',
    ';',
    ',',
    '(',
    ')',
    '{',
    '}',
    '[',
    ']',
    '!',
    '$',
  ],
  ...[
    '@default',
    '@include',
    '@frequency',
    '@denylist',
    './self',
    './b',
    '/x',
    '../x',
    '.',
    '#',
    '# c \\',
  ],
  ...[
    ' ',
    '\t',
    '\n',
    '\r',
    '\r\n',
    '\\\n',
    ' \\\n',
    '\\',
    '\ufeff',
    '\u00a0',
    '\u2028',
    '\u{1f600}',
    '\0',
  ],
];

const soup = fc
  .array(fc.constantFrom(...PIECES), { maxLength: 60 })
  .map((pieces) => pieces.join(''));
const spaced = fc
  .array(fc.constantFrom(...PIECES), { maxLength: 40 })
  .map((pieces) => pieces.join(' '));
const statement = fc
  .array(fc.constantFrom(...PIECES), { maxLength: 8 })
  .map((pieces) => `read: arg0 == 1 ${pieces.join(' ')}`);
const valid = fc.constantFrom(
  'read: 1',
  '{read, write}: { arg0 == 1 || arg1 in ~7, arg2 & 4; return EPERM, trap }',
  'ioctl[arch=x86_64]: arg1 == TCGETS && arg2 < 0x100000000',
  '@default kill-process',
  '@include ./self',
  '@frequency ./b',
);

/** A policy file: text that is nearly one, text that is none, or bytes. */
export const hostilePolicy: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc
    .array(fc.oneof(valid, soup, spaced, statement), { maxLength: 6 })
    .map((lines) => new TextEncoder().encode(lines.join('\n'))),
  fc.uint8Array({ maxLength: 200 }),
);

/**
 * Compiles hostile bytes, which may include themselves.
 *
 * @returns `compiled`, or the code of the {@link PolicyError}.
 * @throws whatever else is thrown, and Error for a diagnostic that points outside of its line.
 */
export function compileHostilePolicy(bytes: Uint8Array): string {
  const reader = memoryReader(
    new Map([
      ['main', bytes],
      ['self', bytes],
      ['b', bytes],
    ]),
  );
  try {
    compilePolicyFile('main', { arch: 'x86_64', reader });
    return 'compiled';
  } catch (error) {
    if (!(error instanceof PolicyError)) {
      throw error;
    }
    checkSpans(error);
    return error.code;
  }
}

function checkSpans(error: PolicyError): void {
  if (error.diagnostics.length === 0) {
    throw new Error('refused without a reason');
  }
  for (const { span, message, expected } of error.diagnostics) {
    const past = Array.from(span.text).length + 1;
    const inLine = span.column >= 1 && span.column <= past && span.length >= 1;
    if (!inLine || span.line < 1 || message === '' || expected === '') {
      throw new Error(`bad diagnostic: ${JSON.stringify({ span, message, expected })}`);
    }
  }
}
