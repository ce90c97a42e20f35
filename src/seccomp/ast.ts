/**
 * Syntax tree of one policy file. Names keep their spelling, constants also their value for the architecture that is
 * compiled for; every part keeps its place.
 */
import type { SourceSpan } from './diagnostics.ts';

/** Comparison operators of the language; all compare whole 64-bit unsigned arguments. */
export type CompareOp = '==' | '!=' | '<' | '<=' | '>' | '>=' | '&' | 'in';

/** `argN OP value`. */
export interface Atom {
  /** Argument of the system call, 0 to 5. */
  readonly arg: number;
  readonly op: CompareOp;
  /** 0 to 2^64-1. */
  readonly value: bigint;
  /** The value as it was written, blanks normalised: `PROT_READ|PROT_WRITE`. */
  readonly valueText: string;
  readonly span: SourceSpan;
  /** From the first token of the value to its last one on the same line. */
  readonly valueSpan: SourceSpan;
}

/** Alternatives (`||`) of conjunctions (`&&`). */
export type Expression = readonly (readonly Atom[])[];

/** One filter: without an expression it is unconditional. */
export interface Filter {
  readonly expression: Expression | null;
  /** Seccomp return value that is taken when the expression is true. */
  readonly action: number;
  /** The filter as it was written, blanks normalised. */
  readonly text: string;
  readonly span: SourceSpan;
}

/** A system call that a statement names, for the architecture that is compiled for. */
export interface SyscallName {
  readonly name: string;
  readonly number: number;
  readonly span: SourceSpan;
}

/** `syscalls : filters`. */
export interface Statement {
  readonly kind: 'statement';
  /** Empty where the metadata leaves none for this architecture. */
  readonly syscalls: readonly SyscallName[];
  readonly filters: readonly Filter[];
  /** The colon: where minijail anchors complaints about the whole statement. */
  readonly colon: SourceSpan;
  /** Comments on the statement's own lines, else those at the head of its paragraph; without `#`. */
  readonly comment: string;
}

export interface DefaultDirective {
  readonly kind: 'default';
  readonly action: number;
  readonly span: SourceSpan;
}

export interface IncludeDirective {
  readonly kind: 'include' | 'frequency';
  readonly path: string;
  readonly pathSpan: SourceSpan;
}

export interface DenylistDirective {
  readonly kind: 'denylist';
  readonly span: SourceSpan;
}

/** One line of a frequency file. */
export interface FrequencyEntry {
  readonly syscalls: readonly SyscallName[];
  readonly count: number;
}
