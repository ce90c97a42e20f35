/** What a policy lets through of a set of calls: decided exactly, with the rule that does it and example arguments. */
import { isPermissive } from '../seccomp/actions.ts';
import { exploreCases, TooManyCases } from '../seccomp/explore.ts';
import {
  type Formula,
  formulaOf,
  formulaOfAlternatives,
  verdictFormula,
} from '../seccomp/formula.ts';
import { loadPolicy } from '../seccomp/load.ts';
import type { Policy, Rule } from '../seccomp/policy.ts';
import { memoryReader } from '../seccomp/source.ts';
import type { Target } from '../seccomp/target.ts';

/** A set of calls, as a policy that allows them. */
export interface CallSet {
  /** System calls that belong to it whatever their arguments are, separated by blanks. */
  readonly calls: string;
  /** System calls that belong to it under a condition: an expression of the policy language. */
  readonly conditions?: Readonly<Record<string, string>>;
}

/** A rule that lets some call of a set through. */
export interface Reached {
  readonly syscall: string;
  readonly number: number;
  /** Null: no rule decides, the policy's default lets the call through. */
  readonly rule: Rule | null;
  /** Six arguments for which it does; null where there were too many cases to find some. */
  readonly example: readonly bigint[] | null;
}

/** Calls of one number as a formula: {@link IN_SET} for those that belong to the set. */
export interface CallFormula {
  readonly syscall: string;
  readonly number: number;
  readonly formula: Formula;
}

const IN_SET = 1;
const OUT_OF_SET = 0;

/** Reads a set for an architecture; calls that it does not have are left out. */
export function callFormulas(set: CallSet, target: Target): readonly CallFormula[] {
  const whole = set.calls.split(' ').filter((name) => name !== '');
  const lines = [
    ...whole.map((name) => [name, 'allow'] as const),
    ...Object.entries(set.conditions ?? {}),
  ];
  const text = lines
    .filter(([name]) => target.syscalls.has(name))
    .map(([name, filter]) => `${name}: ${filter}\n`)
    .join('');
  const reader = memoryReader(new Map([['calls', text]]));
  const { policy } = loadPolicy('calls', { arch: target.name, reader });
  return policy.syscalls.map(({ name, number, rules }) => {
    const alternatives = rules.map(({ expression }) => ({ expression, verdict: IN_SET }));
    return {
      syscall: name,
      number,
      formula: formulaOfAlternatives(alternatives, OUT_OF_SET),
    };
  });
}

/**
 * What a policy lets through of a set.
 *
 * @param set as {@link callFormulas} made it, for the policy's architecture.
 * @returns one entry for each rule that lets a call of the set through, in the order of the set, then of evaluation.
 */
export function reachOf(policy: Policy, set: readonly CallFormula[]): readonly Reached[] {
  return set.flatMap((wanted) => reachOfCall(policy, wanted));
}

function reachOfCall(
  policy: Policy,
  { syscall, number, formula }: CallFormula,
): readonly Reached[] {
  const rules = policy.syscalls.find((candidate) => candidate.number === number)?.rules ?? [];
  const fallback = rules.length === 0 ? policy.unnamedReturn : policy.defaultReturn;
  const permits = (index: number): boolean => isPermissive(rules[index]?.action ?? fallback);
  try {
    const examples = decidingRules(rules, formula);
    return [...examples]
      .filter(([index]) => permits(index))
      .sort(([a], [b]) => a - b)
      .map(([index, example]) => ({ syscall, number, rule: rules[index] ?? null, example }));
  } catch (error) {
    if (!(error instanceof TooManyCases)) {
      throw error;
    }
    // Not known is not harmless: every rule that permits anything counts.
    return [...rules.keys(), rules.length]
      .filter(permits)
      .map((index) => ({ syscall, number, rule: rules[index] ?? null, example: null }));
  }
}

/** Index of each rule that decides a call of the set, `rules.length` for the default, with arguments of such a call. */
function decidingRules(
  rules: readonly Rule[],
  set: Formula,
): ReadonlyMap<number, readonly bigint[]> {
  const numbered = rules.map(({ expression }, verdict) => ({ expression, verdict }));
  const decider = formulaOfAlternatives(numbered, rules.length);
  const examples = new Map<number, readonly bigint[]>();
  exploreCases([decider, set], ({ verdicts: [index = 0, member], args }) => {
    if (member === IN_SET && !examples.has(index)) {
      examples.set(index, args);
    }
  });
  return examples;
}

/** What a policy makes of the calls of one number. */
export function policyFormula(policy: Policy, number: number): Formula {
  const syscall = policy.syscalls.find((candidate) => candidate.number === number);
  return syscall === undefined
    ? verdictFormula(policy.unnamedReturn)
    : formulaOf(syscall.rules, policy.defaultReturn);
}
