/** What is audited: a device kind with its jail profile and its policy as it is installed. */
import { join } from 'node:path';
import { DEVICE_KINDS, loadDeviceModule } from '../devices/registry.ts';
import { type JailProfile, loadProfile } from '../jail/profile.ts';
import { SECCOMP_RET_USER_NOTIF } from '../seccomp/actions.ts';
import { type PolicyDiagnostic } from '../seccomp/diagnostics.ts';
import { loadPolicy } from '../seccomp/load.ts';
import type { Policy } from '../seccomp/policy.ts';
import { findWarnings } from '../seccomp/warnings.ts';

/** A device as the launcher would start it. */
export interface AuditSubject {
  /** Kind, `block` for example. */
  readonly device: string;
  readonly profile: JailProfile;
  /** Path of the policy, below {@link AuditDirectories.policies}. */
  readonly policyPath: string;
  readonly policy: Policy;
  /** What the compiler has to say about the text. */
  readonly warnings: readonly PolicyDiagnostic[];
}

/** Where profiles and policies are. */
export interface AuditDirectories {
  /** Jail profiles, `policy/` of the project as a rule. */
  readonly profiles: string;
  /** Policies of {@link AUDIT_ARCH}. */
  readonly policies: string;
}

/** Machines run on this architecture only. */
export const AUDIT_ARCH = 'x86_64';

/** The device kinds, in the order of the alphabet. */
export function auditedKinds(): readonly string[] {
  return [...DEVICE_KINDS].sort();
}

/** Profile and policy file of a kind. @throws ERR_DEVICE_KIND, ERR_JAIL_PROFILE */
export async function findDevicePolicy(
  kind: string,
  directories: AuditDirectories,
): Promise<{ readonly profile: JailProfile; readonly path: string }> {
  const { profileName } = await loadDeviceModule(kind);
  const profile = loadProfile(directories.profiles, profileName);
  return { profile, path: join(directories.policies, profile.seccompPolicy) };
}

/**
 * Loads a device with the default action that it is started with: a call that no rule allows is reported to the parent.
 *
 * @throws ERR_DEVICE_KIND, ERR_JAIL_PROFILE, PolicyError
 */
export async function loadSubject(
  kind: string,
  directories: AuditDirectories,
): Promise<AuditSubject> {
  const { profile, path } = await findDevicePolicy(kind, directories);
  const loaded = loadPolicy(path, { arch: AUDIT_ARCH, defaultReturn: SECCOMP_RET_USER_NOTIF });
  const warnings = [...loaded.warnings, ...findWarnings(loaded.policy)];
  return { device: kind, profile, policyPath: path, policy: loaded.policy, warnings };
}
