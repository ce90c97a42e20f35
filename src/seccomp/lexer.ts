/**
 * Tokens of the policy language. The first entry of the table that matches at a position is taken, not the longest:
 * the order of the table is part of the language.
 */
import type { SourceSpan } from './diagnostics.ts';

export type TokenKind =
  | 'DEFAULT'
  | 'INCLUDE'
  | 'FREQUENCY'
  | 'DENYLIST'
  | 'PATH'
  | 'NUMBER'
  | 'COLON'
  | 'SEMICOLON'
  | 'COMMA'
  | 'COMPLEMENT'
  | 'LPAREN'
  | 'RPAREN'
  | 'LBRACE'
  | 'RBRACE'
  | 'RBRACKET'
  | 'LBRACKET'
  | 'OR'
  | 'AND'
  | 'BITWISE_OR'
  | 'OP'
  | 'EQUAL'
  | 'ARGUMENT'
  | 'RETURN'
  | 'ACTION'
  | 'IDENTIFIER';

/** A token and its place. */
export interface Token {
  readonly kind: TokenKind;
  readonly value: string;
  readonly span: SourceSpan;
}

/** A position at which nothing matches. */
export interface LexicalError {
  readonly span: SourceSpan;
}

/** One physical line, tokenised. */
export interface LexedLine {
  readonly tokens: readonly Token[];
  /** Text of the comment without `#` and outer blanks; null where there is none. */
  readonly comment: string | null;
  /** The raw line ends in a backslash: the statement goes on, whatever that backslash belongs to. */
  readonly continued: boolean;
  readonly error: LexicalError | null;
}

/** White space of Unicode: unlike `\s` without the byte order mark, and with the separators 1c-1f and 85. */
const BLANK =
  '\\t\\n\\v\\f\\r\\x1c-\\x1f \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
/** A word boundary: between a letter, digit or underscore and anything else. */
type Boundary = string;
const ASCII_BOUNDARY: Boundary = '\\b';
const WORD = '[\\p{L}\\p{N}_]';
const UNICODE_BOUNDARY: Boundary = `(?:(?<=${WORD})(?!${WORD})|(?<!${WORD})(?=${WORD}))`;

function word(text: string, boundary: Boundary): string {
  return `${boundary}${text}${boundary}`;
}

const ACTION_WORDS = [
  'allow',
  'kill-process',
  'kill-thread',
  'kill',
  'trap',
  'trace',
  'log',
  'user-notify',
];

type Entry = readonly [TokenKind | 'COMMENT' | 'BLANK' | 'CONTINUATION', string];

/** Kind and pattern, in the order in which they are tried. */
const tokenTable = (boundary: Boundary): readonly Entry[] => [
  ['COMMENT', '#.*$'],
  ['BLANK', `[${BLANK}]+`],
  ['CONTINUATION', '\\\\$'],
  ['DEFAULT', `@default${boundary}`],
  ['INCLUDE', `@include${boundary}`],
  ['FREQUENCY', `@frequency${boundary}`],
  ['DENYLIST', '@denylist$'],
  ['PATH', `\\.?/[^${BLANK}]+`],
  ['NUMBER', '-?0[xX][0-9a-fA-F]+|-?0[0-7]+|-?[0-9]+'],
  ['COLON', ':'],
  ['SEMICOLON', ';'],
  ['COMMA', ','],
  ['COMPLEMENT', '~'],
  ['LPAREN', '\\('],
  ['RPAREN', '\\)'],
  ['LBRACE', '\\{'],
  ['RBRACE', '\\}'],
  ['RBRACKET', '\\]'],
  ['LBRACKET', '\\['],
  ['OR', '\\|\\|'],
  ['AND', '&&'],
  ['BITWISE_OR', '\\|'],
  ['OP', `&|${word('in', boundary)}|==|!=|<=|<|>=|>`],
  ['EQUAL', '='],
  ['ARGUMENT', word('arg[0-9]+', boundary)],
  ['RETURN', word('return', boundary)],
  ['ACTION', ACTION_WORDS.map((action) => word(action, boundary)).join('|')],
  ['IDENTIFIER', '[a-zA-Z_][a-zA-Z_0-9@-]*'],
];

const KINDS = tokenTable(ASCII_BOUNDARY).map(([kind]) => kind);

// One capture group per entry, so that the index of the group that matched tells the kind. `s`: U+2028 and U+2029 are
// ordinary characters of a comment.
function tokenPattern(boundary: Boundary): RegExp {
  const groups = tokenTable(boundary).map(([, pattern]) => `(${pattern})`);
  return new RegExp(groups.join('|'), 'suy');
}

const ASCII_TOKEN = tokenPattern(ASCII_BOUNDARY);
let unicodeToken: RegExp | null = null;

/** The pattern for a line. The one that knows the letters of all scripts is slow to compile and hardly ever needed. */
function patternFor(text: string): RegExp {
  for (let index = 0; index < text.length; index++) {
    if (text.charCodeAt(index) > 0x7f) {
      unicodeToken ??= tokenPattern(UNICODE_BOUNDARY);
      return unicodeToken;
    }
  }
  return ASCII_TOKEN;
}

/** Columns and lengths count code points, as people and editors do. */
function codePoints(text: string, start: number, end: number): number {
  let count = 0;
  for (let index = start; index < end; index++) {
    const unit = text.charCodeAt(index);
    const isTrailSurrogate = unit >= 0xdc00 && unit <= 0xdfff;
    count += isTrailSurrogate ? 0 : 1;
  }
  return count;
}

/**
 * Tokenises one physical line.
 *
 * @param file name for positions.
 * @param line number of the line, from 1.
 * @param text the line without its end.
 */
export function lexLine(file: string, line: number, text: string): LexedLine {
  const tokens: Token[] = [];
  const continued = text.endsWith('\\');
  let comment: string | null = null;
  let position = 0;
  let column = 1;
  const pattern = patternFor(text);
  while (position < text.length) {
    pattern.lastIndex = position;
    // CAST: groups that took no part are undefined, which the library's type leaves out.
    const match = pattern.exec(text) as readonly (string | undefined)[] | null;
    if (match === null) {
      const length = codePoints(text, position, nextTokenStart(pattern, text, position));
      return { tokens, comment, continued, error: { span: { file, line, column, length, text } } };
    }
    const value = match[0] ?? '';
    const kind = KINDS[match.findIndex((group, index) => index > 0 && group !== undefined) - 1];
    const length = codePoints(value, 0, value.length);
    if (kind === 'COMMENT') {
      comment = value.slice(1).replace(/\\$/, '').trim();
    } else if (kind !== undefined && kind !== 'BLANK' && kind !== 'CONTINUATION') {
      tokens.push({ kind, value, span: { file, line, column, length, text } });
    }
    position += value.length;
    column += length;
  }
  return { tokens, comment, continued, error: null };
}

/** The end of a run of invalid characters: the next position at which a token begins. */
function nextTokenStart(pattern: RegExp, text: string, from: number): number {
  for (let position = from + 1; position < text.length; position++) {
    pattern.lastIndex = position;
    if (pattern.test(text)) {
      return position;
    }
  }
  return text.length;
}

/** The place one past the end of a line: where something is missing. */
export function endOfLine(file: string, line: number, text: string): SourceSpan {
  return { file, line, column: codePoints(text, 0, text.length) + 1, length: 1, text };
}

/** A statement or directive: the tokens of one logical line. */
export interface LogicalLine {
  readonly tokens: readonly Token[];
  /** One past the end of the last physical line. */
  readonly end: SourceSpan;
  /** Comments on the physical lines of the statement, else the comment lines at the head of its paragraph. */
  readonly comment: string;
  /** The file ended in the middle of it: after a backslash. */
  readonly unterminated: boolean;
}

/** What is gathered of a logical line until it ends. */
interface Gathering {
  tokens: Token[];
  error: LexicalError | null;
  comments: string[];
}

/**
 * Groups physical lines into logical ones. A line that ends in a backslash goes on, even if that backslash ends a
 * comment. A logical line with an invalid token yields that error in place of its tokens.
 */
export function* logicalLines(
  file: string,
  lines: readonly string[],
): Generator<LogicalLine | LexicalError> {
  let current: Gathering = { tokens: [], error: null, comments: [] };
  let heading: readonly string[] = [];
  let isHeadingOpen = false;
  for (const [index, text] of lines.entries()) {
    const lexed = lexLine(file, index + 1, text);
    gather(current, lexed);
    const isLast = index === lines.length - 1;
    if (lexed.continued && !isLast) {
      continue;
    }
    const { tokens, error, comments } = current;
    const isComment = tokens.length === 0 && comments.length > 0;
    if (error !== null) {
      yield error;
    } else if (tokens.length > 0) {
      const comment = (comments.length > 0 ? comments : heading).join(' ').trim();
      const end = endOfLine(file, index + 1, text);
      yield { tokens, end, comment, unterminated: lexed.continued };
    } else if (!isComment) {
      heading = [];
    }
    if (isComment) {
      heading = isHeadingOpen ? [...heading, ...comments] : comments;
    }
    isHeadingOpen = isComment;
    current = { tokens: [], error: null, comments: [] };
  }
}

function gather(into: Gathering, line: LexedLine): void {
  into.error ??= line.error;
  for (const token of line.tokens) {
    into.tokens.push(token);
  }
  if (line.comment !== null) {
    into.comments.push(line.comment);
  }
}
