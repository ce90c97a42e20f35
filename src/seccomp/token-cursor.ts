/** Walks the tokens of one logical line, and says where it failed. */
import type { PolicyDiagnostic, SourceSpan } from './diagnostics.ts';
import type { Token, TokenKind } from './lexer.ts';

/** Ends the parsing of one logical line; caught by whoever reads the file, never seen outside. */
export class LineError extends Error {
  readonly diagnostic: PolicyDiagnostic;

  constructor(diagnostic: PolicyDiagnostic) {
    super(diagnostic.message);
    this.diagnostic = diagnostic;
  }
}

/** Makes the error that ends a logical line. */
export function lineError(span: SourceSpan, message: string, expected = ''): LineError {
  return new LineError({ severity: 'error', span, message, expected });
}

/** A position in the tokens of a logical line. */
export class TokenCursor {
  readonly #tokens: readonly Token[];
  /** One past the end of the last physical line: the place of what is missing. */
  readonly end: SourceSpan;
  #next = 0;

  constructor(tokens: readonly Token[], end: SourceSpan) {
    this.#tokens = tokens;
    this.end = end;
  }

  isAtEnd(): boolean {
    return this.#next >= this.#tokens.length;
  }

  /** Tokens consumed so far: a mark for {@link textSince}. */
  get position(): number {
    return this.#next;
  }

  peek(): Token | undefined {
    return this.#tokens[this.#next];
  }

  /** Consumes the next token if it is of this kind. */
  accept(kind: TokenKind): Token | undefined {
    const token = this.#tokens[this.#next];
    if (token?.kind !== kind) {
      return undefined;
    }
    this.#next++;
    return token;
  }

  /** Consumes the next token, whatever it is. @throws LineError at the end of the line if there is none. */
  take(missing: string, expected: string): Token {
    const token = this.#tokens[this.#next];
    if (token === undefined) {
      throw lineError(this.end, missing, expected);
    }
    this.#next++;
    return token;
  }

  /** Consumes a token of this kind. @throws LineError with `missing` at the end, with `invalid` at another token. */
  expect(kind: TokenKind, missing: string, invalid: string, expected: string): Token {
    const token = this.take(missing, expected);
    if (token.kind !== kind) {
      throw lineError(token.span, invalid, expected);
    }
    return token;
  }

  /** The tokens since a mark as text: words apart, punctuation tight. */
  textSince(mark: number): string {
    return joinTokens(this.#tokens.slice(mark, this.#next));
  }

  /** From the first token since a mark to the last one on the same physical line. */
  spanSince(mark: number): SourceSpan {
    const [first, ...rest] = this.#tokens.slice(mark, this.#next);
    if (first === undefined) {
      return this.end;
    }
    const last = rest.filter((token) => token.span.line === first.span.line).at(-1) ?? first;
    const length = last.span.column + last.span.length - first.span.column;
    return { ...first.span, length };
  }
}

const SPACED: ReadonlySet<TokenKind> = new Set<TokenKind>(['OP', 'OR', 'AND']);
const SPACE_AFTER: ReadonlySet<TokenKind> = new Set<TokenKind>([
  'COMMA',
  'SEMICOLON',
  'COLON',
  'RETURN',
]);

function joinTokens(tokens: readonly Token[]): string {
  let text = '';
  for (const token of tokens) {
    if (SPACED.has(token.kind)) {
      text += ` ${token.value} `;
    } else {
      text += SPACE_AFTER.has(token.kind) ? `${token.value} ` : token.value;
    }
  }
  return text.trim();
}
