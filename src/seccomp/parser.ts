/** Statements and directives of a policy file, one logical line at a time; includes are opened elsewhere. */
import { actionReturn, errnoReturn, SECCOMP_RET_ALLOW, SECCOMP_RET_LOG } from './actions.ts';
import type {
  DefaultDirective,
  DenylistDirective,
  Filter,
  FrequencyEntry,
  IncludeDirective,
  Statement,
  SyscallName,
} from './ast.ts';
import type { LogicalLine, Token } from './lexer.ts';
import { parseSyscallDescriptor } from './parse-syscall.ts';
import { parseExpression, parseNumber, parseSingle } from './parse-value.ts';
import type { Target } from './target.ts';
import { lineError, TokenCursor } from './token-cursor.ts';

/** What the meaning of actions depends on. */
export interface ParseContext {
  readonly target: Target;
  /** Return value of the action `kill`. */
  readonly killAction: number;
  /** `return N` logs instead of failing the call. */
  readonly returnIsLog: boolean;
  /** The policy is compiled as a denylist: only `return` is an action. */
  readonly denylist: boolean;
}

export type Directive = Statement | DefaultDirective | IncludeDirective | DenylistDirective;

const ACTION_EXPECTED =
  'a condition (arg0 to arg5), allow, 1, kill, kill-process, kill-thread, trap, trace, log, user-notify or return N';

/** Parses a logical line of a policy. @throws LineError */
export function parseLine(line: LogicalLine, context: ParseContext): Directive {
  const cursor = new TokenCursor(line.tokens, line.end);
  const first = cursor.peek();
  if (first?.kind === 'INCLUDE' || first?.kind === 'FREQUENCY') {
    // What is left over on the line is complained about after the file was read: see `expectEnd`.
    return parseFileDirective(cursor, first.kind === 'INCLUDE' ? 'include' : 'frequency');
  }
  if (first?.kind === 'DENYLIST') {
    return parseDenylist(first, cursor, context);
  }
  const result =
    first?.kind === 'DEFAULT'
      ? parseDefault(cursor, context)
      : parseStatement(cursor, line, context);
  refuseLeftovers(cursor);
  return result;
}

/** Tokens of an `@include` or `@frequency` that follow its path. @throws LineError if there are any. */
export function refuseExtraAfterPath(line: LogicalLine): void {
  const extra = line.tokens[2];
  if (extra !== undefined) {
    throw lineError(extra.span, 'extra tokens', 'the end of the line after the path');
  }
}

function refuseLeftovers(cursor: TokenCursor): void {
  const extra = cursor.peek();
  if (extra !== undefined) {
    throw lineError(
      extra.span,
      'extra tokens',
      'the end of the statement, or an operator that continues it',
    );
  }
}

function parseFileDirective(cursor: TokenCursor, kind: 'include' | 'frequency'): IncludeDirective {
  cursor.take('', '');
  const path = cursor.expect(
    'PATH',
    `empty ${kind} path`,
    `invalid ${kind} path`,
    'a path that begins with ./ or /',
  );
  return { kind, path: path.value, pathSpan: path.span };
}

function parseDenylist(
  token: Token,
  cursor: TokenCursor,
  context: ParseContext,
): DenylistDirective {
  if (!context.denylist) {
    const message = 'policy is denylist, but flag --denylist not passed in.';
    throw lineError(
      cursor.end,
      message,
      'a policy of what is allowed, or the option that compiles denylists',
    );
  }
  return { kind: 'denylist', span: token.span };
}

function parseDefault(cursor: TokenCursor, context: ParseContext): DefaultDirective {
  cursor.take('', '');
  const expected = 'kill, kill-process, kill-thread, trap or user-notify';
  const token = cursor.expect('ACTION', 'empty action', 'invalid default action', expected);
  if (['allow', 'log', 'trace'].includes(token.value)) {
    throw lineError(token.span, 'invalid permissive default action', expected);
  }
  const action = actionReturn(token.value, context.killAction);
  if (action === undefined) {
    throw lineError(token.span, 'invalid default action', expected);
  }
  return { kind: 'default', action, span: token.span };
}

function parseStatement(cursor: TokenCursor, line: LogicalLine, context: ParseContext): Statement {
  const syscalls = parseSyscalls(cursor, context.target);
  const colon = cursor.expect('COLON', 'missing colon', 'invalid colon', ': after the system call');
  const filters = parseFilters(cursor, context);
  return { kind: 'statement', syscalls, filters, colon: colon.span, comment: line.comment };
}

function parseSyscalls(cursor: TokenCursor, target: Target): readonly SyscallName[] {
  const open = cursor.accept('LBRACE');
  if (open === undefined) {
    return asList(parseSyscallDescriptor(cursor, target));
  }
  const syscalls: SyscallName[] = [];
  while (!cursor.isAtEnd()) {
    syscalls.push(...asList(parseSyscallDescriptor(cursor, target)));
    if (cursor.accept('COMMA') === undefined) {
      break;
    }
  }
  if (cursor.accept('RBRACE') === undefined) {
    throw lineError(
      open.span,
      'unclosed brace',
      'a , and another system call, or the } that closes it',
    );
  }
  return syscalls;
}

function asList(name: SyscallName | null): readonly SyscallName[] {
  return name === null ? [] : [name];
}

function parseFilters(cursor: TokenCursor, context: ParseContext): readonly Filter[] {
  const open = cursor.accept('LBRACE');
  if (open === undefined) {
    return [parseFilter(cursor, context)];
  }
  const filters: Filter[] = [];
  while (!cursor.isAtEnd()) {
    filters.push(parseFilter(cursor, context));
    if (cursor.accept('COMMA') === undefined) {
      break;
    }
  }
  if (cursor.accept('RBRACE') === undefined) {
    throw lineError(open.span, 'unclosed brace', 'a , and another filter, or the } that closes it');
  }
  return filters;
}

function parseFilter(cursor: TokenCursor, context: ParseContext): Filter {
  const mark = cursor.position;
  const first = cursor.peek();
  if (first === undefined) {
    throw lineError(cursor.end, 'missing filter', ACTION_EXPECTED);
  }
  let expression = null;
  let action = SECCOMP_RET_ALLOW;
  if (first.kind === 'ARGUMENT') {
    expression = parseExpression(cursor, context.target);
    if (cursor.accept('SEMICOLON') !== undefined) {
      action = parseAction(cursor, context);
    }
  } else {
    action = parseAction(cursor, context);
  }
  return { expression, action, text: cursor.textSince(mark), span: cursor.spanSince(mark) };
}

function parseAction(cursor: TokenCursor, context: ParseContext): number {
  const token = cursor.take('missing action', ACTION_EXPECTED);
  if (context.denylist && token.kind !== 'RETURN') {
    throw lineError(
      token.span,
      'invalid denylist policy',
      'return N: a denylist has no other action',
    );
  }
  if (token.kind === 'RETURN') {
    const value = cursor.take('missing return value', 'one number or errno name');
    const errno = parseSingle(value, context.target);
    return context.returnIsLog ? SECCOMP_RET_LOG : errnoReturn(errno);
  }
  if (token.kind === 'NUMBER' && parseSingle(token, context.target) === 1n) {
    return SECCOMP_RET_ALLOW;
  }
  const action =
    token.kind === 'ACTION' ? actionReturn(token.value, context.killAction) : undefined;
  if (action === undefined) {
    throw lineError(token.span, 'invalid action', ACTION_EXPECTED);
  }
  return action;
}

/** A line of a frequency file, `name: COUNT`; what follows the count is not looked at. @throws LineError */
export function parseFrequencyLine(line: LogicalLine, target: Target): FrequencyEntry {
  const cursor = new TokenCursor(line.tokens, line.end);
  const syscalls = asList(parseSyscallDescriptor(cursor, target));
  cursor.expect('COLON', 'missing colon', 'invalid colon', ': after the system call');
  const number = cursor.expect(
    'NUMBER',
    'missing number',
    'invalid number',
    'how often it is called',
  );
  const count = parseNumber(number.value);
  if (count < 0n) {
    throw lineError(number.span, 'invalid number', 'a count that is not negative');
  }
  return { syscalls, count: Math.min(Number(count), Number.MAX_SAFE_INTEGER) };
}
