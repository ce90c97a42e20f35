/**
 * Why a jail could not be made on this host, in words that an operator can act on.
 *
 * Hosts forbid user namespaces to ordinary users in several ways, each with an errno of its own at a place of its own.
 * There is no run without a jail: the answer is an error that names the setting.
 */
import { readFileSync } from 'node:fs';
import { HostError } from '../base/errors.ts';
import { EACCES, EINVAL, ENOSPC, EPERM } from '../sys/errno.ts';
import type { NativeError } from '../sys/native.ts';

/** Settings of the host that bear on namespaces; undefined where this kernel does not have one. */
export interface NamespaceSettings {
  /** kernel.unprivileged_userns_clone: 0 forbids them to ordinary users (Debian's patch). */
  readonly unprivilegedUsernsClone: number | undefined;
  /** kernel.apparmor_restrict_unprivileged_userns: 1 takes all rights inside away (Ubuntu 23.10 and later). */
  readonly apparmorRestrict: number | undefined;
  /** user.max_*_namespaces, by the middle of the name. */
  readonly limits: Readonly<Record<string, number | undefined>>;
  readonly isRoot: boolean;
}

const LIMITED_NAMESPACES = ['user', 'pid', 'mnt', 'net', 'ipc', 'uts', 'cgroup'] as const;

function readSysctl(name: string): number | undefined {
  try {
    return Number(readFileSync(`/proc/sys/${name.replaceAll('.', '/')}`, 'utf8'));
  } catch {
    // A kernel without the setting is a kernel without the restriction.
    return undefined;
  }
}

/** Reads the settings of this host. */
export function readNamespaceSettings(): NamespaceSettings {
  return {
    unprivilegedUsernsClone: readSysctl('kernel.unprivileged_userns_clone'),
    apparmorRestrict: readSysctl('kernel.apparmor_restrict_unprivileged_userns'),
    limits: Object.fromEntries(
      LIMITED_NAMESPACES.map((name) => [name, readSysctl(`user.max_${name}_namespaces`)]),
    ),
    isRoot: process.geteuid?.() === 0,
  };
}

/**
 * The setting that stands in the way of a jail.
 *
 * @returns undefined where none does; the host may still refuse for another reason.
 */
export function namespaceObstacle(settings: NamespaceSettings): string | undefined {
  if (!settings.isRoot && settings.unprivilegedUsernsClone === 0) {
    return (
      'this host forbids user namespaces to ordinary users: ' +
      'sysctl kernel.unprivileged_userns_clone is 0, set it to 1'
    );
  }
  for (const [name, limit] of Object.entries(settings.limits)) {
    if (limit === 0) {
      return `this host forbids ${name} namespaces: sysctl user.max_${name}_namespaces is 0, raise it`;
    }
  }
  if (!settings.isRoot && settings.apparmorRestrict === 1) {
    return (
      'AppArmor takes all rights in user namespaces from ordinary users: sysctl ' +
      'kernel.apparmor_restrict_unprivileged_userns is 1; set it to 0, or give this program an AppArmor profile ' +
      'that allows userns'
    );
  }
  return undefined;
}

function hintFor(error: NativeError, settings: NamespaceSettings): string | undefined {
  const isNamespaceStep = error.step === 'clone3';
  if (isNamespaceStep && error.errno === ENOSPC) {
    return (
      namespaceObstacle(settings) ??
      'too many namespaces exist: raise the sysctl settings user.max_*_namespaces'
    );
  }
  if (isNamespaceStep && error.errno === EINVAL) {
    return 'this kernel has no user namespaces (CONFIG_USER_NS)';
  }
  if (error.errno !== EPERM && error.errno !== EACCES) {
    return undefined;
  }
  return (
    namespaceObstacle(settings) ??
    (isNamespaceStep
      ? 'a chroot or the seccomp filter of a container forbids user namespaces here; run outside of it'
      : undefined)
  );
}

/**
 * Turns the failure of `spawnJailed` into one that says what to do about it.
 *
 * @returns an ERR_JAIL_USERNS where a setting of the host explains the failure, else the failure itself.
 */
export function explainSpawnFailure(error: NativeError, settings: NamespaceSettings): HostError {
  const hint = hintFor(error, settings);
  if (hint === undefined) {
    return error;
  }
  return new HostError('ERR_JAIL_USERNS', `cannot make a jail: ${hint}`, {
    cause: error,
    syscall: error.syscall,
    errno: error.errno,
  });
}
