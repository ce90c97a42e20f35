/**
 * What the policy compiler has to say about a policy: where, what, and what it had expected.
 *
 * The wording of errors is minijail's, so that messages can be looked up; the expectation beside it is ours.
 */
import { ConfigError } from '../base/errors.ts';

/** A stretch of one physical line of a policy file. */
export interface SourceSpan {
  /** The file as it was named: by the caller, or by an `@include` made relative to its including file. */
  readonly file: string;
  /** Physical line, from 1. */
  readonly line: number;
  /** First character, from 1, in Unicode code points. */
  readonly column: number;
  /** Code points, at least 1. */
  readonly length: number;
  /** The physical line without its end. */
  readonly text: string;
}

export type Severity = 'error' | 'warning';

/** One error or warning. */
export interface PolicyDiagnostic {
  readonly severity: Severity;
  readonly span: SourceSpan;
  readonly message: string;
  /** What would have been right there, in a few words; empty where there is nothing to add. */
  readonly expected: string;
  /** An earlier place that this one collides with. */
  readonly previous?: SourceSpan;
}

/**
 * Renders a diagnostic in minijail's form: `FILE(LINE:COLUMN): MESSAGE`, the line, and a caret under it, followed by
 * what was expected. Several lines, without an end of line after the last.
 */
export function formatDiagnostic(diagnostic: PolicyDiagnostic): string {
  const { span, severity, message, expected, previous } = diagnostic;
  const kind = severity === 'warning' ? 'warning: ' : '';
  const lines = [
    `${span.file}(${span.line}:${span.column}): ${kind}${message}`,
    `    ${span.text}`,
    `    ${caretLine(span)}`,
  ];
  if (expected !== '') {
    lines.push(`    expected: ${expected}`);
  }
  if (previous !== undefined) {
    lines.push(
      `    earlier: ${previous.file}(${previous.line}:${previous.column}): ${previous.text.trim()}`,
    );
  }
  return lines.join('\n');
}

/** Blanks up to the span, tabs kept so that the caret stays below its character, then carets. */
function caretLine(span: SourceSpan): string {
  const before = Array.from(span.text).slice(0, span.column - 1);
  const indent = before.map((character) => (character === '\t' ? '\t' : ' ')).join('');
  return indent + '^'.repeat(span.length);
}

/** A policy that cannot be compiled, with everything that is wrong with it, in the order in which it was found. */
export class PolicyError extends ConfigError {
  /** At least one error; no warnings. */
  readonly diagnostics: readonly PolicyDiagnostic[];

  constructor(code: string, diagnostics: readonly PolicyDiagnostic[]) {
    super(code, diagnostics.map(formatDiagnostic).join('\n'));
    this.diagnostics = diagnostics;
  }
}
