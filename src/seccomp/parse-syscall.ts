/** System call names with their metadata: `read`, `stat[arch=x86_64,x86]`. */
import type { SyscallName } from './ast.ts';
import type { Token } from './lexer.ts';
import type { Target } from './target.ts';
import { lineError, type TokenCursor } from './token-cursor.ts';

/**
 * Parses one descriptor.
 *
 * @returns null when its metadata is for other architectures: its name is then not even looked up.
 * @throws LineError
 */
export function parseSyscallDescriptor(cursor: TokenCursor, target: Target): SyscallName | null {
  const expected = 'the name of a system call';
  const token = cursor.take('invalid syscall descriptor', expected);
  // `kill` is an action everywhere else; before the colon it is the system call.
  if (token.kind !== 'IDENTIFIER' && token.value !== 'kill') {
    throw lineError(token.span, 'invalid syscall descriptor', expected);
  }
  if (cursor.peek()?.kind === 'LBRACKET') {
    const architectures = parseMetadata(cursor).get('arch');
    if (architectures !== undefined && !architectures.includes(target.policyName)) {
      return null;
    }
  }
  return lookUp(token, target);
}

function lookUp(token: Token, target: Target): SyscallName {
  const name = token.value;
  const parts = name.split('@').length;
  if (parts > 2) {
    throw lineError(token.span, 'invalid syscall group name', 'group@namespace, or a system call');
  }
  if (parts === 2) {
    throw lineError(
      token.span,
      'nonexistent syscall group namespace',
      'a system call: there are no groups',
    );
  }
  const number = target.syscalls.get(name);
  if (number === undefined) {
    throw lineError(token.span, 'nonexistent syscall', `a system call of ${target.policyName}`);
  }
  return { name, number, span: token.span };
}

function parseMetadata(cursor: TokenCursor): ReadonlyMap<string, readonly string[]> {
  const open = cursor.take('', '');
  const metadata = new Map<string, readonly string[]>();
  while (!cursor.isAtEnd()) {
    const key = cursor.expect('IDENTIFIER', 'missing key', 'invalid key', 'a key such as arch');
    const values = parseMetadataValues(cursor);
    if (metadata.has(key.value)) {
      throw lineError(key.span, `duplicate metadata key: "${key.value}"`, 'each key once');
    }
    metadata.set(key.value, values);
    if (cursor.accept('SEMICOLON') === undefined) {
      break;
    }
  }
  if (cursor.accept('RBRACKET') === undefined) {
    throw lineError(open.span, 'unclosed bracket', 'a ] that closes it');
  }
  return metadata;
}

function parseMetadataValues(cursor: TokenCursor): readonly string[] {
  cursor.expect('EQUAL', 'missing equal', 'invalid equal', '= after the key');
  const values: string[] = [];
  do {
    values.push(
      cursor.expect('IDENTIFIER', 'empty value', 'invalid value', 'an architecture name').value,
    );
  } while (cursor.accept('COMMA') !== undefined);
  return values;
}
