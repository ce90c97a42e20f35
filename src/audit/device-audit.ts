/** Everything there is to say about one device: what it could do, with what, behind which walls, and what is wrong. */
import type { JailProfile } from '../jail/profile.ts';
import { ABILITIES, type Ability } from './abilities.ts';
import { describeCondition } from './condition-text.ts';
import { type Finding, type RulePlace, sortFindings } from './findings.ts';
import { type Holding, holdingsOf, type ParentRequest, requestsOf } from './holdings.ts';
import { type IoctlRequest, ioctlRequests } from './ioctl-requests.ts';
import { findInPolicy, placeOf } from './policy-findings.ts';
import { findInProfile } from './profile-findings.ts';
import { callFormulas, reachOf } from './reach.ts';
import type { AuditSubject } from './subject.ts';

/** A call that gives an ability, by one rule. */
export interface AbilityCall {
  readonly syscall: string;
  /** `always`, or the rule's condition in words. */
  readonly condition: string;
  /** Null: the default lets it through. */
  readonly place: RulePlace | null;
  /** Six arguments with which it does. */
  readonly example: readonly bigint[] | null;
}

/** An ability that the device has. */
export interface HeldAbility {
  readonly ability: Ability;
  /** At least one. */
  readonly calls: readonly AbilityCall[];
}

/** One device in a report. */
export interface DeviceAudit {
  readonly device: string;
  readonly policyPath: string;
  readonly profile: JailProfile;
  /** In the order of {@link ABILITIES}; those that it does not have are left out. */
  readonly abilities: readonly HeldAbility[];
  /** Number of system calls of which it may make some use, and of rules. */
  readonly syscallCount: number;
  readonly ruleCount: number;
  /** The requests that its policy names. */
  readonly ioctls: readonly IoctlRequest[];
  readonly holdings: readonly Holding[];
  readonly requests: readonly ParentRequest[];
  /** The worst first. */
  readonly findings: readonly Finding[];
}

/** Audits a device. */
export function auditDevice(subject: AuditSubject): DeviceAudit {
  const { device, policyPath, profile, policy, warnings } = subject;
  const abilities = ABILITIES.map((ability) => holdAbility(subject, ability)).filter(
    ({ calls }) => calls.length > 0,
  );
  const syscalls = new Set(abilities.flatMap(({ calls }) => calls.map(({ syscall }) => syscall)));
  return {
    device,
    policyPath,
    profile,
    abilities,
    syscallCount: syscalls.size,
    ruleCount: policy.syscalls.reduce((sum, { rules }) => sum + rules.length, 0),
    ioctls: ioctlRequests(policy),
    holdings: holdingsOf(profile, syscalls),
    requests: requestsOf(profile),
    findings: sortFindings([...findInPolicy(policy, warnings), ...findInProfile(profile, policy)]),
  };
}

function holdAbility({ policy }: AuditSubject, ability: Ability): HeldAbility {
  const reached = reachOf(policy, callFormulas(ability, policy.target));
  return {
    ability,
    calls: reached.map(({ syscall, rule, example }) => ({
      syscall,
      condition: describeCondition(syscall, rule?.expression ?? null),
      place: rule === null ? null : placeOf(syscall, rule),
      example,
    })),
  };
}
