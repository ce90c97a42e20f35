/** Why a policy treats a system call as it does: the verdict, the line behind it, and the way through the program. */
import { describeReturn } from './actions.ts';
import type { Atom, Expression } from './ast.ts';
import { decodeProgram } from './bpf.ts';
import { disassemble } from './disassembler.ts';
import { emulate } from './emulator.ts';
import { evaluatePolicy, type Policy, type Rule, type SyscallPolicy } from './policy.ts';

/** What happens to one call with these arguments. */
export interface CallExplanation {
  /** Seccomp return value, and the same in the words of the language. */
  readonly value: number;
  readonly action: string;
  /** The rule that decides; null where it is the default. */
  readonly rule: Rule | null;
  /** The instructions that are executed, as text with their indices; empty without a program. */
  readonly path: readonly string[];
}

/** One rule of a system call in words. */
export interface RuleExplanation {
  readonly action: string;
  /** `always`, or `arg0 is 1 and (arg1 has only bits of PROT_READ, or arg2 is less than 4)`. */
  readonly condition: string;
  readonly file: string;
  readonly line: number;
  readonly comment: string;
}

/** What happens to a system call, whatever its arguments. */
export interface SyscallExplanation {
  readonly syscall: string;
  /** False: no statement names it, and `otherwise` is all there is. */
  readonly named: boolean;
  /** In the order in which they are tried; the first whose condition holds decides. */
  readonly rules: readonly RuleExplanation[];
  /** What happens when no rule decides; null when the last rule always does. */
  readonly otherwise: string | null;
}

/**
 * Explains one call.
 *
 * @param syscall name, or a number.
 * @param args up to six arguments; missing ones are 0.
 * @param program the compiled policy, whose executed instructions are then listed.
 * @returns null for a name that the architecture does not have.
 */
export function explainCall(
  policy: Policy,
  syscall: string | number,
  args: readonly bigint[],
  program?: Uint8Array,
): CallExplanation | null {
  const nr = numberOf(policy, syscall);
  if (nr === null) {
    return null;
  }
  const data = {
    nr,
    arch: policy.target.auditArch,
    args: args.map((arg) => BigInt.asUintN(64, arg)),
  };
  const { value, rule } = evaluatePolicy(policy, data);
  const instructions = program === undefined ? [] : decodeProgram(program);
  const executed = program === undefined ? [] : emulate(instructions, data).path;
  const path = executed.flatMap((index) => {
    const instruction = instructions[index];
    return instruction === undefined ? [] : [`${index}: ${disassemble(instruction, index)}`];
  });
  return { value, action: describeReturn(value), rule, path };
}

/**
 * Explains a system call: the exact condition of each outcome.
 *
 * @param syscall name, or a number.
 * @returns null for a name that the architecture does not have.
 */
export function explainSyscall(
  policy: Policy,
  syscall: string | number,
): SyscallExplanation | null {
  const nr = numberOf(policy, syscall);
  if (nr === null) {
    return null;
  }
  const name = policy.target.syscallNames.get(nr) ?? String(nr);
  const found = policy.syscalls.find(({ number }) => number === nr);
  if (found === undefined) {
    return {
      syscall: name,
      named: false,
      rules: [],
      otherwise: describeReturn(policy.unnamedReturn),
    };
  }
  return {
    syscall: name,
    named: true,
    rules: explainRules(found),
    otherwise: otherwiseOf(policy, found),
  };
}

function numberOf(policy: Policy, syscall: string | number): number | null {
  return typeof syscall === 'number'
    ? syscall >>> 0
    : (policy.target.syscalls.get(syscall) ?? null);
}

function explainRules({ rules }: SyscallPolicy): readonly RuleExplanation[] {
  return rules.map(({ expression, action, span, comment }) => ({
    action: describeReturn(action),
    condition: expression === null ? 'always' : describeExpression(expression),
    file: span.file,
    line: span.line,
    comment,
  }));
}

function otherwiseOf(policy: Policy, { rules }: SyscallPolicy): string | null {
  return rules.at(-1)?.expression === null ? null : describeReturn(policy.defaultReturn);
}

/** An expression in words: alternatives joined by `, or`, conditions by `and`. */
export function describeExpression(expression: Expression): string {
  return expression.map((clause) => clause.map(describeAtom).join(' and ')).join(', or ');
}

function describeAtom({ arg, op, value, valueText }: Atom): string {
  const hex = `0x${value.toString(16)}`;
  // A spelling that is not the number itself is shown beside it.
  const shown = /^(?:0[xX][0-9a-fA-F]+|\d+)$/.test(valueText) ? valueText : `${valueText} (${hex})`;
  switch (op) {
    case '==':
      return `arg${arg} is ${shown}`;
    case '!=':
      return `arg${arg} is not ${shown}`;
    case '<':
      return `arg${arg} is less than ${shown}`;
    case '<=':
      return `arg${arg} is at most ${shown}`;
    case '>':
      return `arg${arg} is greater than ${shown}`;
    case '>=':
      return `arg${arg} is at least ${shown}`;
    case '&':
      return `arg${arg} has any bit of ${shown}`;
    case 'in':
      return `arg${arg} has no bit outside ${shown}`;
  }
}
