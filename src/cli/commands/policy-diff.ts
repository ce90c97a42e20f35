/** `crosvm policy diff A B`: how two policies differ in meaning. */
import { formatCall } from '../../audit/condition-text.ts';
import { ConfigError } from '../../base/errors.ts';
import { describeReturn } from '../../seccomp/actions.ts';
import { diffPolicies, type PolicyDifference } from '../../seccomp/diff.ts';
import { loadPolicy } from '../../seccomp/load.ts';
import type { Policy, Rule } from '../../seccomp/policy.ts';
import { ExitCode } from '../exit-codes.ts';
import { findTarget, type PolicyOptions } from '../policy-input.ts';

const HEADINGS = {
  allowed: 'newly allowed',
  refused: 'newly refused',
  changed: 'changed in action',
} as const;

/** Prints every difference with a call that shows it. @returns 0 for equal meaning, 1 otherwise. */
export async function diffCommand(
  before: string,
  after: string,
  options: PolicyOptions,
): Promise<number> {
  const policies = await Promise.all([before, after].map((name) => load(name, options)));
  const [a, b] = policies;
  if (a === undefined || b === undefined) {
    throw new ConfigError('ERR_POLICY_TARGET', 'two policies are needed');
  }
  const { differences, undecided } = diffPolicies(a, b);
  const archChanged = a.archMismatchReturn !== b.archMismatchReturn;
  const lines = [
    ...(['allowed', 'refused', 'changed'] as const).flatMap((kind) =>
      section(
        HEADINGS[kind],
        differences.filter((difference) => difference.kind === kind).map(differenceText),
      ),
    ),
    ...section(
      'too many cases to compare',
      undecided.map((name) => `  ${name}\n`),
    ),
    ...section('calls of another architecture', archChanged ? [archText(a, b)] : []),
  ];
  process.stdout.write(lines.length === 0 ? 'The policies mean the same.\n' : lines.join(''));
  return lines.length === 0 ? ExitCode.Ok : ExitCode.Failure;
}

async function load(name: string, options: PolicyOptions): Promise<Policy> {
  const target = await findTarget(name, options);
  return loadPolicy(target.path, target.options).policy;
}

function section(heading: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [`${heading}:\n`, ...lines];
}

function archText(a: Policy, b: Policy): string {
  return `  ${describeReturn(a.archMismatchReturn)} -> ${describeReturn(b.archMismatchReturn)}\n`;
}

function differenceText(difference: PolicyDifference): string {
  const { syscall, before, after, example, beforeRule, afterRule } = difference;
  return (
    `  ${formatCall(syscall, example)}: ${describeReturn(before)} -> ${describeReturn(after)}\n` +
    `    before: ${ruleText(beforeRule)}\n    after:  ${ruleText(afterRule)}\n`
  );
}

function ruleText(rule: Rule | null): string {
  return rule === null ? 'the default action' : `${rule.span.file}:${rule.span.line}: ${rule.text}`;
}
