/** The exact condition under which a system call is carried out, as a list of ways. */
import { isPermissive } from '../seccomp/actions.ts';
import type { Policy, Rule } from '../seccomp/policy.ts';
import { describeCondition } from './condition-text.ts';

/** One way for a call to be carried out. */
export interface WayToPass {
  /** `always`, or what has to hold, in words. */
  readonly condition: string;
  /** Conditions of refusing rules that are tried before this way: none of them may hold. */
  readonly unless: readonly string[];
  /** Null: it is the default that lets the call through. */
  readonly rule: Rule | null;
}

/** When a system call is carried out, and what happens otherwise. */
export interface PassCondition {
  readonly syscall: string;
  /** False: no rule names the call. */
  readonly named: boolean;
  /** The call is carried out exactly when one of these holds; never, if there are none. */
  readonly ways: readonly WayToPass[];
  /** Rules that refuse, in the order in which they are tried. */
  readonly refusals: readonly Rule[];
  /** Seccomp return value where no rule decides; null where one always does. */
  readonly otherwise: number | null;
}

/** Explains a call by its number. @param syscall its name. */
export function passCondition(policy: Policy, syscall: string, number: number): PassCondition {
  const found = policy.syscalls.find((candidate) => candidate.number === number);
  const rules = found?.rules ?? [];
  const fallback = found === undefined ? policy.unnamedReturn : policy.defaultReturn;
  const decided = rules.at(-1)?.expression === null;
  const ways: WayToPass[] = [];
  const refusals: Rule[] = [];
  for (const rule of rules) {
    if (isPermissive(rule.action)) {
      ways.push({
        condition: describeCondition(syscall, rule.expression),
        unless: conditionsOf(syscall, refusals),
        rule,
      });
    } else {
      refusals.push(rule);
    }
  }
  if (!decided && isPermissive(fallback)) {
    ways.push({ condition: 'always', unless: conditionsOf(syscall, refusals), rule: null });
  }
  return {
    syscall,
    named: found !== undefined,
    ways,
    refusals,
    otherwise: decided ? null : fallback,
  };
}

function conditionsOf(syscall: string, rules: readonly Rule[]): readonly string[] {
  return rules.map(({ expression }) => describeCondition(syscall, expression));
}
