/** A policy after all includes, as the compiler and the audit tools see it, and its meaning by direct evaluation. */
import type { Atom, Expression } from './ast.ts';
import type { SourceSpan } from './diagnostics.ts';
import type { Target } from './target.ts';

/** One filter of one system call. */
export interface Rule {
  /** Null: unconditional. */
  readonly expression: Expression | null;
  /** Seccomp return value. */
  readonly action: number;
  /** The filter as written, blanks normalised. */
  readonly text: string;
  /** The filter's place. */
  readonly span: SourceSpan;
  /** The place of the system call's name in the statement. */
  readonly nameSpan: SourceSpan;
  /** The colon of the statement. */
  readonly colon: SourceSpan;
  /** Comment beside the statement, else at the head of its paragraph: lines without a blank one between them. */
  readonly comment: string;
}

/** Everything that a policy says of one system call, in the order of the text. */
export interface SyscallPolicy {
  readonly name: string;
  readonly number: number;
  /** From `@frequency`; 1 where there is none. */
  readonly frequency: number;
  /** The first rule whose expression is true decides. At least one. */
  readonly rules: readonly Rule[];
}

/** A policy after all includes. */
export interface Policy {
  readonly target: Target;
  /** The file that was compiled. */
  readonly file: string;
  /** In the order in which the policy first names them. */
  readonly syscalls: readonly SyscallPolicy[];
  /** Return value for named calls whose rules all fail. */
  readonly defaultReturn: number;
  /** Return value for calls that no statement names: the default, or allow in a denylist. */
  readonly unnamedReturn: number;
  /** Return value for every call of another architecture. */
  readonly archMismatchReturn: number;
  /** Files that were read: policies and frequency files, each once, in the order of reading. */
  readonly files: readonly string[];
}

/** What a filter decides on: `struct seccomp_data`. */
export interface SeccompData {
  /** System call number, unsigned 32 bits. */
  readonly nr: number;
  /** `AUDIT_ARCH_*`. */
  readonly arch: number;
  /** Six arguments, unsigned 64 bits; missing ones are 0. */
  readonly args: readonly bigint[];
  /** Instruction pointer of the call; 0 if not given. */
  readonly ip?: bigint;
}

/** Evaluates one comparison of the language (section "Atoms"). */
export function evaluateAtom(atom: Pick<Atom, 'op' | 'value'>, argument: bigint): boolean {
  const { op, value } = atom;
  switch (op) {
    case '==':
      return argument === value;
    case '!=':
      return argument !== value;
    case '<':
      return argument < value;
    case '<=':
      return argument <= value;
    case '>':
      return argument > value;
    case '>=':
      return argument >= value;
    case '&':
      return (argument & value) !== 0n;
    case 'in':
      return (argument | value) === value;
  }
}

/** Evaluates an expression over the arguments of a call. */
export function evaluateExpression(expression: Expression, args: readonly bigint[]): boolean {
  return expression.some((clause) =>
    clause.every((atom) => evaluateAtom(atom, args[atom.arg] ?? 0n)),
  );
}

/** The verdict on a call, and the rule that gave it: null where it is a default. */
export interface Verdict {
  readonly value: number;
  readonly rule: Rule | null;
}

/** The meaning of a policy, evaluated straight from its rules: what every compiled program must agree with. */
export function evaluatePolicy(policy: Policy, data: SeccompData): Verdict {
  if (data.arch >>> 0 !== policy.target.auditArch) {
    return { value: policy.archMismatchReturn, rule: null };
  }
  const syscall = policy.syscalls.find(({ number }) => number === data.nr >>> 0);
  if (syscall === undefined) {
    return { value: policy.unnamedReturn, rule: null };
  }
  const rule = syscall.rules.find(
    ({ expression }) => expression === null || evaluateExpression(expression, data.args),
  );
  return { value: rule?.action ?? policy.defaultReturn, rule: rule ?? null };
}
