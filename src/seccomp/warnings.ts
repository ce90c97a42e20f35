/** Rules that compile but hardly say what their author meant: they never decide, or their mask reads like a value. */
import type { Atom, Expression } from './ast.ts';
import type { PolicyDiagnostic, SourceSpan } from './diagnostics.ts';
import { exploreCases, TooManyCases } from './explore.ts';
import { formulaOfAlternatives } from './formula.ts';
import type { Policy, Rule, SyscallPolicy } from './policy.ts';

/** One alternative of one rule, the smallest part that can be superfluous. */
interface Alternative {
  readonly rule: Rule;
  /** Null: the rule is unconditional. */
  readonly expression: Expression | null;
  readonly span: SourceSpan;
}

/** Earlier alternatives that are asked, one by one, whether they alone cover a later one. */
const COVER_SEARCH_MAX = 50;
/** Superfluous alternatives of one system call that are told; who has more will look again. */
const WARNINGS_MAX = 50;

/** Everything suspicious about the rules of a policy, in the order of the text of each system call. */
export function findWarnings(policy: Policy): readonly PolicyDiagnostic[] {
  return policy.syscalls.flatMap((syscall) => [
    ...suspiciousMasks(syscall),
    ...superfluousAlternatives(syscall),
  ]);
}

function warning(
  span: SourceSpan,
  message: string,
  expected: string,
  previous?: SourceSpan,
): PolicyDiagnostic {
  const base = { severity: 'warning', span, message, expected } as const;
  return previous === undefined ? base : { ...base, previous };
}

/** `arg1 & 0x6400` is true of any number with one of three bits; who writes one number often means equality. */
function suspiciousMasks({ name, rules }: SyscallPolicy): readonly PolicyDiagnostic[] {
  const atoms = rules.flatMap(({ expression }) => expression?.flat() ?? []);
  return atoms.filter(isSuspiciousMask).map((atom) => {
    const message = `${name}: arg${atom.arg} & ${atom.valueText} is true when any of its bits is set`;
    return warning(atom.span, message, `==, or "in" for a set of flags`);
  });
}

function isSuspiciousMask({ op, value, valueText }: Atom): boolean {
  const isOneWord = /^\w+$/.test(valueText);
  const bits = value.toString(2).replaceAll('0', '').length;
  return op === '&' && isOneWord && bits > 1;
}

function alternativesOf(rules: readonly Rule[]): readonly Alternative[] {
  return rules.flatMap((rule): readonly Alternative[] => {
    const { expression } = rule;
    if (expression === null) {
      return [{ rule, expression: null, span: rule.span }];
    }
    return expression.map((clause) => ({
      rule,
      expression: [clause],
      span: clause[0]?.span ?? rule.span,
    }));
  });
}

/** Indices of the alternatives that decide some call. */
function decidingIndices(alternatives: readonly Alternative[]): ReadonlySet<number> {
  const numbered = alternatives.map(({ expression }, index) => ({ expression, verdict: index }));
  const deciding = new Set<number>();
  exploreCases([formulaOfAlternatives(numbered, alternatives.length)], ({ verdicts }) => {
    for (const verdict of verdicts) {
      deciding.add(verdict);
    }
  });
  return deciding;
}

function superfluousAlternatives({ name, rules }: SyscallPolicy): readonly PolicyDiagnostic[] {
  const alternatives = alternativesOf(rules);
  try {
    const deciding = decidingIndices(alternatives);
    const superfluous = alternatives.flatMap((alternative, index) =>
      deciding.has(index) ? [] : [{ alternative, index }],
    );
    const originals = firstByMeaning(alternatives);
    return superfluous.slice(0, WARNINGS_MAX).map(({ alternative, index }) => {
      const original = originals.get(keyOf(alternative));
      const cover = original === alternative ? undefined : original;
      return explainSuperfluous(name, alternative, cover ?? coverOf(alternatives, index));
    });
  } catch (error) {
    if (error instanceof TooManyCases) {
      // Too much to tell apart: then nothing is said about this call.
      return [];
    }
    throw error;
  }
}

/** The first of the alternatives that have the same conditions, however they are written. */
function firstByMeaning(alternatives: readonly Alternative[]): ReadonlyMap<string, Alternative> {
  // A later entry of a map replaces an earlier one: last to first.
  return new Map(
    [...alternatives].reverse().map((alternative) => [keyOf(alternative), alternative]),
  );
}

function keyOf({ expression }: Alternative): string {
  return formulaOfAlternatives([{ expression, verdict: 1 }], 0).key;
}

/** An earlier alternative that alone leaves nothing to this one. */
function coverOf(alternatives: readonly Alternative[], index: number): Alternative | undefined {
  const own = alternatives.slice(index, index + 1);
  return alternatives
    .slice(0, Math.min(index, COVER_SEARCH_MAX))
    .find((other) => !decidingIndices([other, ...own]).has(1));
}

function explainSuperfluous(
  name: string,
  alternative: Alternative,
  cover: Alternative | undefined,
): PolicyDiagnostic {
  const { span, rule } = alternative;
  if (!decidingIndices([alternative]).has(0)) {
    return warning(span, `${name}: this condition is never true`, 'one that can be true');
  }
  const expected = 'a rule that some call reaches';
  if (cover === undefined) {
    return warning(span, `${name}: earlier rules leave nothing to this one`, expected);
  }
  const isSame = !decidingIndices([alternative, cover]).has(1) && cover.rule.action === rule.action;
  const message = isSame ? 'the same rule was already given' : 'an earlier rule covers this one';
  return warning(span, `${name}: ${message}`, expected, cover.span);
}
