/** Devices that exist in tests only: a policy as text, and a profile with one thing changed. */
import { auditDevice, type DeviceAudit } from '../../../src/audit/device-audit.ts';
import type { Finding } from '../../../src/audit/findings.ts';
import type { AuditSubject } from '../../../src/audit/subject.ts';
import { checkProfile, type JailProfile } from '../../../src/jail/profile.ts';
import { SECCOMP_RET_USER_NOTIF } from '../../../src/seccomp/actions.ts';
import { compilePolicyText } from '../../../src/seccomp/compile.ts';
import type { Policy } from '../../../src/seccomp/policy.ts';
import type { ArchName } from '../../../src/seccomp/target.ts';

/** A policy under the name `x.policy`, with the default that devices are started with. */
export function policyOf(text: string, arch: ArchName = 'x86_64'): Policy {
  const options = { arch, defaultReturn: SECCOMP_RET_USER_NOTIF };
  return compilePolicyText(text, options, 'x.policy').policy;
}

/** A profile that an audit has nothing to say about. */
export function soundProfile(changes: Readonly<Record<string, unknown>> = {}): JailProfile {
  const sound = {
    $schema: './profile.schema.json',
    device: 'test',
    summary: 'A device of the tests.',
    namespaces: ['user', 'pid', 'mount', 'net', 'ipc', 'uts', 'cgroup'],
    rlimits: ['core', 'msgqueue', 'nice', 'rtprio', 'nofile'].map((resource) => ({
      resource,
      limit: resource === 'nofile' ? 64 : 0,
    })),
    mounts: [],
    descriptors: [{ name: 'disk', purpose: 'The image.' }],
    seccompPolicy: 'x.policy',
    v8Flags: ['--jitless'],
    requests: ['ready'],
  };
  return checkProfile({ ...sound, ...changes }, 'test');
}

/** A device with this policy. */
export function subjectOf(
  text: string,
  changes: Readonly<Record<string, unknown>> = {},
): AuditSubject {
  const profile = soundProfile(changes);
  return {
    device: profile.device,
    profile,
    policyPath: 'x.policy',
    policy: policyOf(text),
    warnings: [],
  };
}

export function auditOf(
  text: string,
  changes: Readonly<Record<string, unknown>> = {},
): DeviceAudit {
  return auditDevice(subjectOf(text, changes));
}

/** Kind, severity and subject of each finding. */
export function shortFindings(findings: readonly Finding[]): readonly string[] {
  return findings.map(({ severity, id, subject }) => `${severity} ${id} ${subject}`);
}
