/** Findings about a policy: what it lets through that no device should need, and what it says without a reason. */
import { isPermissive } from '../seccomp/actions.ts';
import type { PolicyDiagnostic } from '../seccomp/diagnostics.ts';
import { evaluatePolicy, type Policy, type Rule } from '../seccomp/policy.ts';
import { argumentName } from './condition-text.ts';
import { DANGER_RULES, type DangerRule } from './danger-rules.ts';
import type { Finding, RulePlace } from './findings.ts';
import { ioctlRequests, unnamedRequests } from './ioctl-requests.ts';
import { callFormulas, type Reached, reachOf } from './reach.ts';
import { findTruncationHoles, type TruncationHole } from './truncated-arguments.ts';

/** Every finding about the policy alone. @param warnings what the compiler says about its text. */
export function findInPolicy(
  policy: Policy,
  warnings: readonly PolicyDiagnostic[],
): readonly Finding[] {
  const rules = [...DANGER_RULES, unnamedIoctls(policy)];
  return [
    ...rules.flatMap((rule) => findDanger(policy, rule)),
    ...findPermissiveDefault(policy),
    ...findTruncationHoles(policy).map((hole) => holeFinding(policy, hole)),
    ...findUnexplained(policy),
    ...warnings.map(warningFinding),
  ];
}

/** A rule as a place to look at. @param syscall whose rule it is. */
export function placeOf(syscall: string, rule: Rule): RulePlace {
  const { file, line } = rule.span;
  return { file, line, text: `${syscall}: ${rule.text}`, comment: rule.comment };
}

function unnamedIoctls(policy: Policy): DangerRule {
  return {
    id: 'unnamed-ioctl',
    severity: 'high',
    title: 'takes requests that the policy does not name',
    why: 'Each driver behind a descriptor of the device answers hundreds of requests, few of which are well tested.',
    mend: 'List the requests one by one, by name or number: "ioctl: arg1 == FIONBIO || arg1 == 0x400454d0".',
    ...unnamedRequests(ioctlRequests(policy)),
  };
}

/** One finding for each call: the rule that lets most of it through comes first, and is the one to look at. */
function findDanger(policy: Policy, danger: DangerRule): readonly Finding[] {
  const first = new Map<string, Reached>();
  for (const reached of reachOf(policy, callFormulas(danger, policy.target))) {
    if (reached.rule !== null && !first.has(reached.syscall)) {
      first.set(reached.syscall, reached);
    }
  }
  return [...first.values()].map(({ syscall, rule, example }) => ({
    id: danger.id,
    severity: danger.severity,
    subject: syscall,
    title: `${syscall} ${danger.title}`,
    why: danger.why,
    mend: danger.mend,
    place: rule === null ? null : placeOf(syscall, rule),
    example,
  }));
}

/** What the default lets through is no matter of single calls. */
function findPermissiveDefault(policy: Policy): readonly Finding[] {
  if (!isPermissive(policy.unnamedReturn) && !isPermissive(policy.defaultReturn)) {
    return [];
  }
  return [
    {
      id: 'permissive-default',
      severity: 'critical',
      subject: 'default',
      title: 'calls that no rule names are carried out',
      why: 'The kernel has some 370 calls, and gets new ones with every release.',
      mend: 'Name what the device needs and leave the default alone.',
      place: null,
      example: null,
    },
  ];
}

function holeFinding(policy: Policy, { syscall, number, arg, example }: TruncationHole): Finding {
  const data = { nr: number, arch: policy.target.auditArch, args: example };
  const { rule } = evaluatePolicy(policy, data);
  return {
    id: 'upper-half',
    severity: 'high',
    subject: `${syscall} arg${arg}`,
    title: `${syscall} refuses values of ${argumentName(syscall, arg)} that pass with a bit in the upper half`,
    why: 'The kernel looks at the lower 32 bits only; to the filter the same value with a higher bit is another one.',
    mend: 'Allow the values that are needed instead of refusing some, or compare the upper half, too.',
    place: rule === null ? null : placeOf(syscall, rule),
    example,
  };
}

/** Rules that let something through without a word on what the device needs it for. */
function findUnexplained(policy: Policy): readonly Finding[] {
  return policy.syscalls.flatMap(({ name, rules }) =>
    rules
      .filter(({ comment, action }) => comment === '' && isPermissive(action))
      .map((rule) => ({
        id: 'unexplained',
        severity: 'low' as const,
        subject: `${name}: ${rule.text}`,
        title: `nothing says what the device needs ${name} for`,
        why: 'A rule without a reason is never taken out again.',
        mend: 'Write the reason above the rule, or beside it.',
        place: placeOf(name, rule),
        example: null,
      })),
  );
}

function warningFinding({ span, message, expected }: PolicyDiagnostic): Finding {
  return {
    id: 'warning',
    severity: 'low',
    subject: message,
    title: message,
    why: 'The text does not say what it seems to say.',
    mend: `Expected: ${expected}.`,
    place: { file: span.file, line: span.line, text: span.text.trim(), comment: '' },
    example: null,
  };
}
