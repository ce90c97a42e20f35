/** How a device differs from what was accepted of it: in meaning, and in every part of its jail. */

import { NAMESPACE_FLAGS } from '../jail/namespaces.ts';
import type { JailProfile } from '../jail/profile.ts';
import { describeReturn } from '../seccomp/actions.ts';
import { diffPolicies, type PolicyDifference } from '../seccomp/diff.ts';
import { type AcceptedDevice, acceptedPolicy, type Baseline, describeMount } from './baseline.ts';
import { formatCall } from './condition-text.ts';
import type { DeviceAudit } from './device-audit.ts';
import { findingKey } from './findings.ts';
import type { AuditSubject } from './subject.ts';

/** `grown` needs somebody's consent; `shrunk` and `changed` only a new baseline. */
export type ChangeKind = 'grown' | 'shrunk' | 'changed';

/** One difference between a device and what was accepted of it. */
export interface BaselineChange {
  readonly device: string;
  readonly kind: ChangeKind;
  /** One line. */
  readonly text: string;
}

type Change = Omit<BaselineChange, 'device'>;

/** Everything that is not as it was accepted. */
export function compareWithBaseline(
  baseline: Baseline,
  subject: AuditSubject,
  audit: DeviceAudit,
): readonly BaselineChange[] {
  const accepted = baseline.devices.find(({ device }) => device === subject.device);
  const changes =
    accepted === undefined
      ? [
          { kind: 'grown' as const, text: 'the device is not in the baseline' },
          // Whatever a new device is limited in is no loss to anybody.
          ...changesFrom(nothingAccepted(subject), subject, audit).filter(
            ({ kind }) => kind === 'grown',
          ),
        ]
      : changesFrom(accepted, subject, audit);
  return changes.map((change) => ({ device: subject.device, ...change }));
}

function nothingAccepted({ device, profile }: AuditSubject): AcceptedDevice {
  const lists = { policy: [], rlimits: [], mounts: [], descriptors: [], requests: [] };
  const namespaces = Object.keys(NAMESPACE_FLAGS);
  return { device, ...lists, namespaces, v8Flags: [...profile.v8Flags], findings: [] };
}

function changesFrom(
  accepted: AcceptedDevice,
  { policy, profile }: AuditSubject,
  audit: DeviceAudit,
): readonly Change[] {
  return [
    ...policyChanges(accepted, policy),
    ...profileChanges(accepted, profile),
    ...findingChanges(accepted, audit),
  ];
}

function policyChanges(
  accepted: AcceptedDevice,
  policy: AuditSubject['policy'],
): readonly Change[] {
  const { differences, undecided } = diffPolicies(acceptedPolicy(accepted.policy), policy);
  const kinds = { allowed: 'grown', refused: 'shrunk', changed: 'changed' } as const;
  return [
    ...differences.map((difference) => ({
      kind: kinds[difference.kind],
      text: differenceText(difference),
    })),
    // What nobody can tell apart may have grown.
    ...undecided.map((name) => ({
      kind: 'grown' as const,
      text: `? ${name}: too many cases to compare`,
    })),
  ];
}

/** `+ mprotect(0x0, 0x0, 0x7) (block_device.policy:7)`: a call that shows the difference, and the line behind it. */
function differenceText(difference: PolicyDifference): string {
  const { kind, syscall, example, before, after, beforeRule, afterRule } = difference;
  const call = formatCall(syscall, example);
  const rule = kind === 'refused' ? beforeRule : afterRule;
  const { file, line } = rule?.span ?? { file: 'the default action', line: 0 };
  const where = line === 0 ? file : `${file}:${line}`;
  switch (kind) {
    case 'allowed':
      return `+ ${call} (${where})`;
    case 'refused':
      return `- ${call} (${where})`;
    case 'changed':
      return `~ ${call}: ${describeReturn(before)} -> ${describeReturn(after)} (${where})`;
  }
}

function profileChanges(accepted: AcceptedDevice, profile: JailProfile): readonly Change[] {
  const names = {
    mounts: profile.mounts.map(describeMount),
    descriptors: profile.descriptors.map(({ name }) => name),
  };
  return [
    // Fewer namespaces are fewer walls: the other way round than the lists below.
    ...listChanges('namespace', profile.namespaces, accepted.namespaces),
    ...listChanges('mount', accepted.mounts, names.mounts),
    ...listChanges('descriptor', accepted.descriptors, names.descriptors),
    ...listChanges('request to the parent', accepted.requests, profile.requests),
    ...rlimitChanges(accepted, profile),
    ...flagChanges(accepted, profile),
  ];
}

/** @param before what there was; more `after` is growth. */
function listChanges(
  what: string,
  before: readonly string[],
  after: readonly string[],
): readonly Change[] {
  const isNamespace = what === 'namespace';
  const lost = isNamespace ? 'more' : 'no longer there';
  const gained = isNamespace ? 'no longer there' : 'new';
  return [
    ...after
      .filter((item) => !before.includes(item))
      .map((item) => ({ kind: 'grown' as const, text: `${what} ${item}: ${gained}` })),
    ...before
      .filter((item) => !after.includes(item))
      .map((item) => ({ kind: 'shrunk' as const, text: `${what} ${item}: ${lost}` })),
  ];
}

function rlimitChanges(accepted: AcceptedDevice, { rlimits }: JailProfile): readonly Change[] {
  const before = new Map(accepted.rlimits.map(({ resource, limit }) => [resource, limit]));
  const after = new Map<string, number>(rlimits.map(({ resource, limit }) => [resource, limit]));
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((resource): Change[] => {
    const was = before.get(resource) ?? Infinity;
    const is = after.get(resource) ?? Infinity;
    const text = `limit ${resource}: ${limitText(was)} -> ${limitText(is)}`;
    return was === is ? [] : [{ kind: is > was ? 'grown' : 'shrunk', text }];
  });
}

function limitText(limit: number): string {
  return limit === Infinity ? 'none' : String(limit);
}

/** Whether a flag adds or takes away, nobody can tell by its name. */
function flagChanges(accepted: AcceptedDevice, { v8Flags }: JailProfile): readonly Change[] {
  const before = accepted.v8Flags.join(' ');
  const after = v8Flags.join(' ');
  const text = `V8 flags: "${before}" -> "${after}"`;
  return before === after ? [] : [{ kind: 'grown', text }];
}

function findingChanges(accepted: AcceptedDevice, { findings }: DeviceAudit): readonly Change[] {
  const present = new Set(findings.map(findingKey));
  const added = findings.filter(
    (finding) => finding.severity !== 'info' && !accepted.findings.includes(findingKey(finding)),
  );
  return [
    ...added.map(({ severity, title }) => ({
      kind: 'grown' as const,
      text: `finding (${severity}): ${title}`,
    })),
    ...accepted.findings
      .filter((key) => !present.has(key))
      .map((key) => ({ kind: 'shrunk' as const, text: `finding ${key}: gone` })),
  ];
}
