/** What an audit has to complain about: how bad it is, where it stands, and what would mend it. */

/** The worst first. */
export const SEVERITIES = ['critical', 'high', 'medium', 'low', 'info'] as const;
/**
 * - `critical`: leads out of the jail, or around the filter, by itself;
 * - `high`: gives an attacker what the next step of an exploit needs;
 * - `medium`: weakens a barrier that others stand behind;
 * - `low`: hard to judge, or to read;
 * - `info`: worth knowing.
 */
export type Severity = (typeof SEVERITIES)[number];

/** A rule of a policy, as a place to look at. */
export interface RulePlace {
  readonly file: string;
  readonly line: number;
  /** Name of the call and the filter: `mmap: arg2 in ~PROT_EXEC`. */
  readonly text: string;
  /** The comment beside the rule; may be empty. */
  readonly comment: string;
}

/** One complaint. */
export interface Finding {
  /** Kind of the finding; with {@link subject} it is what a baseline accepts. */
  readonly id: string;
  readonly severity: Severity;
  /** The call, namespace, limit, mount or flag that it is about. */
  readonly subject: string;
  /** One line. */
  readonly title: string;
  /** What an attacker would have of it. */
  readonly why: string;
  /** What to write instead. */
  readonly mend: string;
  /** The rule that decides; null for what stands in a profile, or in no line at all. */
  readonly place: RulePlace | null;
  /** Six arguments of a call that shows it; null where no call does. */
  readonly example: readonly bigint[] | null;
}

/** By severity, then by kind and subject: the same policies give the same report. */
export function sortFindings(findings: readonly Finding[]): readonly Finding[] {
  const rank = (finding: Finding): string =>
    `${SEVERITIES.indexOf(finding.severity)} ${finding.id} ${finding.subject}`;
  return [...findings].sort((a, b) => (rank(a) < rank(b) ? -1 : rank(a) > rank(b) ? 1 : 0));
}

/** What a baseline knows a finding by: lines move, this does not. */
export function findingKey({ id, subject }: Finding): string {
  return `${id} ${subject}`;
}
