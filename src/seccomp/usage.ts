/** Which rules of a policy a recorded run needed, and which calls of the run the policy would not have let through. */
import { isPermissive } from './actions.ts';
import { describeExpression } from './explain.ts';
import {
  evaluateExpression,
  evaluatePolicy,
  type Policy,
  type Rule,
  type SyscallPolicy,
} from './policy.ts';

/** Calls with the same number and arguments. */
export interface RecordedCall {
  readonly number: number;
  /** Up to six arguments; missing ones are 0. */
  readonly args: readonly bigint[];
  /** How often it was made; 1 if not given. */
  readonly count?: number;
}

/** One alternative of one rule, and how many calls of the run it decided. */
export interface AlternativeUsage {
  readonly syscall: string;
  readonly rule: Rule;
  /** `always`, or the alternative in words. */
  readonly condition: string;
  readonly count: number;
}

/** A policy held against a run. */
export interface PolicyUsage {
  /** Every alternative of every rule, in the order of the policy; those with a count of 0 were never needed. */
  readonly alternatives: readonly AlternativeUsage[];
  /** Calls that are not carried out, in the order of the recording. */
  readonly refused: readonly RecordedCall[];
}

/** Holds a policy against a recorded run. A call counts for the alternative that decides it, the first that is true. */
export function usageOf(policy: Policy, calls: readonly RecordedCall[]): PolicyUsage {
  const byNumber = new Map<number, RecordedCall[]>();
  for (const call of calls) {
    const list = byNumber.get(call.number) ?? [];
    list.push(call);
    byNumber.set(call.number, list);
  }
  const alternatives = policy.syscalls.flatMap((syscall) =>
    alternativesOf(syscall, byNumber.get(syscall.number) ?? []),
  );
  const refused = calls.filter(({ number, args }) => {
    const { value } = evaluatePolicy(policy, { nr: number, arch: policy.target.auditArch, args });
    return !isPermissive(value);
  });
  return { alternatives, refused };
}

function alternativesOf(
  { name, rules }: SyscallPolicy,
  calls: readonly RecordedCall[],
): readonly AlternativeUsage[] {
  const usages: AlternativeUsage[] = [];
  let undecided = calls;
  for (const rule of rules) {
    for (const clause of rule.expression ?? [[]]) {
      const expression = rule.expression === null ? null : [clause];
      const isTrue = ({ args }: RecordedCall): boolean =>
        expression === null || evaluateExpression(expression, args);
      const count = undecided.filter(isTrue).reduce((sum, call) => sum + (call.count ?? 1), 0);
      undecided = undecided.filter((call) => !isTrue(call));
      const condition = expression === null ? 'always' : describeExpression(expression);
      usages.push({ syscall: name, rule, condition, count });
    }
  }
  return usages;
}
