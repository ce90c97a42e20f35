/** How two policies differ in meaning: not in text, order or layout, but in what happens to which call. */
import { describeReturn, isPermissive } from './actions.ts';
import { exploreCases, TooManyCases } from './explore.ts';
import { type Formula, formulaOf, verdictFormula } from './formula.ts';
import { evaluatePolicy, type Policy, type Rule } from './policy.ts';

/** `allowed` and `refused` tell whether the call is carried out at all; `changed` is any other difference. */
export type DifferenceKind = 'allowed' | 'refused' | 'changed';

/** A set of calls on which two policies disagree, by one of them. */
export interface PolicyDifference {
  readonly kind: DifferenceKind;
  /** Name and number; for calls that neither policy names: `(any other)` and a number that stands for them. */
  readonly syscall: string;
  readonly number: number;
  /** Seccomp return values before and after. */
  readonly before: number;
  readonly after: number;
  /** Six arguments for which this holds. */
  readonly example: readonly bigint[];
  /** The rules that decide the example; null where it is a default. */
  readonly beforeRule: Rule | null;
  readonly afterRule: Rule | null;
}

/** The outcome of a comparison. */
export interface PolicyDiff {
  /** Every pair of verdicts on every system call is there at least once. */
  readonly differences: readonly PolicyDifference[];
  /** System calls with too many cases to go through: whether they differ further is not known. */
  readonly undecided: readonly string[];
}

/** Name of all calls that no statement of either policy names. */
export const ANY_OTHER = '(any other)';

/** Differences shown for one system call at most, beyond one for each pair of verdicts. */
const EXAMPLES_MAX = 16;

/**
 * Compares two policies of one architecture.
 *
 * @returns no differences and nothing undecided exactly when the policies mean the same.
 */
export function diffPolicies(before: Policy, after: Policy): PolicyDiff {
  const differences: PolicyDifference[] = [];
  const undecided: string[] = [];
  for (const { name, number } of callsOf(before, after)) {
    const formulas = [formulaFor(before, number), formulaFor(after, number)];
    try {
      differences.push(...differencesOf(before, after, name, number, formulas));
    } catch (error) {
      if (!(error instanceof TooManyCases)) {
        throw error;
      }
      undecided.push(name);
    }
  }
  return { differences, undecided };
}

/** Every named call once, in the order of numbers, then one that neither names. */
function callsOf(
  before: Policy,
  after: Policy,
): readonly { readonly name: string; readonly number: number }[] {
  const names = new Map(
    [...before.syscalls, ...after.syscalls].map(({ name, number }) => [number, name]),
  );
  const calls = [...names]
    .map(([number, name]) => ({ number, name }))
    .sort((a, b) => a.number - b.number);
  let other = 0;
  while (names.has(other)) {
    other++;
  }
  return [...calls, { name: ANY_OTHER, number: other }];
}

function formulaFor(policy: Policy, number: number): Formula {
  const syscall = policy.syscalls.find((candidate) => candidate.number === number);
  return syscall === undefined
    ? verdictFormula(policy.unnamedReturn)
    : formulaOf(syscall.rules, policy.defaultReturn);
}

function differencesOf(
  before: Policy,
  after: Policy,
  syscall: string,
  number: number,
  formulas: readonly Formula[],
): readonly PolicyDifference[] {
  const found: PolicyDifference[] = [];
  const pairs = new Set<string>();
  if (new Set(formulas.map(({ key }) => key)).size === 1) {
    return [];
  }
  exploreCases(formulas, ({ verdicts, args }) => {
    const [was = 0, is = 0] = verdicts;
    const pair = `${was}>${is}`;
    if (was === is || (found.length >= EXAMPLES_MAX && pairs.has(pair))) {
      return;
    }
    pairs.add(pair);
    const beforeRule = evaluatePolicy(before, {
      nr: number,
      arch: before.target.auditArch,
      args,
    }).rule;
    const afterRule = evaluatePolicy(after, {
      nr: number,
      arch: after.target.auditArch,
      args,
    }).rule;
    const kind = kindOf(was, is);
    found.push({
      kind,
      syscall,
      number,
      before: was,
      after: is,
      example: args,
      beforeRule,
      afterRule,
    });
  });
  return found;
}

function kindOf(before: number, after: number): DifferenceKind {
  if (isPermissive(before) === isPermissive(after)) {
    return 'changed';
  }
  return isPermissive(after) ? 'allowed' : 'refused';
}

/** One line: `+ ioctl(0x0, 0x5401, ...): trap -> allow`; `+` allowed, `-` refused, `~` changed. */
export function formatDifference(difference: PolicyDifference): string {
  const { kind, syscall, before, after, example, beforeRule, afterRule } = difference;
  const mark = { allowed: '+', refused: '-', changed: '~' }[kind];
  const args = example.map((arg) => `0x${arg.toString(16)}`).join(', ');
  const rule = kind === 'allowed' ? afterRule : (beforeRule ?? afterRule);
  const place = rule === null ? '' : `  (${rule.span.file}:${rule.span.line})`;
  return `${mark} ${syscall}(${args}): ${describeReturn(before)} -> ${describeReturn(after)}${place}`;
}
