/** What the jails of the device processes stand on: user namespaces, seccomp, Landlock. */
import { spawnSync } from 'node:child_process';
import { EFAULT, errnoName } from '../sys/errno.ts';
import { lastErrno } from '../sys/libc.ts';
import { SYS_LANDLOCK_CREATE_RULESET, SYS_SECCOMP, syscall } from '../sys/syscall.ts';
import { type Check, type HostView, missing, ok, readNumber, warn } from './check.ts';

const NO_JAIL = 'device processes cannot be jailed (only --disable-sandbox works)';
const SECCOMP_SET_MODE_FILTER = 1;
const SECCOMP_FILTER_FLAG_TSYNC = 1;
/** NEW_LISTENER and TSYNC_ESRCH: the pair that goes with TSYNC, from Linux 5.7. */
const SECCOMP_FILTER_FLAGS_LISTENER = 8 + 16;
const LANDLOCK_CREATE_RULESET_VERSION = 1;
const TRIAL_TIMEOUT_MS = 5000;

/** How a try to make a user namespace ended: an error text, or that it could not be tried. */
export type UserNamespaceTrial = 'ok' | 'untried' | { readonly failed: string };

/** Makes a user namespace in a child process. */
export function tryUserNamespace(): UserNamespaceTrial {
  const result = spawnSync('unshare', ['--user', '--map-root-user', '--mount', '--net', 'true'], {
    encoding: 'utf8',
    timeout: TRIAL_TIMEOUT_MS,
  });
  if (result.error !== undefined) {
    return 'untried';
  }
  return result.status === 0 ? 'ok' : { failed: result.stderr.trim().slice(0, 200) };
}

/** Judges the switches of user namespaces, and a try. */
export function userNamespaceCheck(host: HostView, attempt: () => UserNamespaceTrial): Check {
  const name = 'user namespaces';
  if (readNumber(host, '/proc/sys/user/max_user_namespaces') === 0) {
    return missing(
      name,
      `user.max_user_namespaces is 0: ${NO_JAIL}`,
      'sysctl -w user.max_user_namespaces=15000',
    );
  }
  const switches = [
    { key: 'kernel.unprivileged_userns_clone', bad: 0, good: 1 },
    { key: 'kernel.apparmor_restrict_unprivileged_userns', bad: 1, good: 0 },
  ];
  for (const { key, bad, good } of host.isRoot ? [] : switches) {
    if (readNumber(host, `/proc/sys/${key.replace('.', '/')}`) === bad) {
      const detail = `${key} is ${bad}, so that only root may make them: ${NO_JAIL}`;
      return missing(name, detail, `sysctl -w ${key}=${good}, or run as root`);
    }
  }
  const result = attempt();
  if (result === 'ok') {
    return ok(name, 'allowed, and one was made');
  }
  return result === 'untried'
    ? warn(name, 'not forbidden, but there is no unshare(1) to try them', 'install util-linux')
    : missing(
        name,
        `making one failed (${result.failed}): ${NO_JAIL}`,
        'inside a container, allow it user namespaces; else see CONFIG_USER_NS of the kernel',
      );
}

/** True when seccomp(2) knows these filter flags. */
export function seccompKnowsFlags(flags: number): boolean {
  // A null program: EFAULT comes only after the flags were found good.
  return syscall(SYS_SECCOMP, SECCOMP_SET_MODE_FILTER, flags, 0, 0) < 0 && lastErrno() === EFAULT;
}

/** Judges what seccomp(2) knows. */
export function seccompCheck(host: HostView, knowsFlags: (flags: number) => boolean): Check {
  const name = 'seccomp';
  if (!knowsFlags(SECCOMP_FILTER_FLAG_TSYNC)) {
    return missing(
      name,
      `no filters for all threads at once (SECCOMP_FILTER_FLAG_TSYNC): ${NO_JAIL}`,
      'use a kernel with CONFIG_SECCOMP_FILTER, and a container that allows seccomp(2)',
    );
  }
  const actions = host.read('/proc/sys/kernel/seccomp/actions_avail') ?? '';
  const hasListener =
    actions.split(/\s+/).includes('user_notif') &&
    knowsFlags(SECCOMP_FILTER_FLAG_TSYNC + SECCOMP_FILTER_FLAGS_LISTENER);
  return hasListener
    ? ok(name, 'filters for all threads, with user notification')
    : warn(
        name,
        'no user notification: a device that breaks its policy is killed without naming the system call',
        'use Linux 5.7 or later',
      );
}

/** Landlock's ABI version, or why there is none. */
export function landlockAbi(): number | string {
  const abi = syscall(SYS_LANDLOCK_CREATE_RULESET, 0, 0, LANDLOCK_CREATE_RULESET_VERSION, 0);
  return abi > 0 ? abi : errnoName(lastErrno());
}

/** Judges {@link landlockAbi}. */
export function landlockCheck(abi: number | string): Check {
  return typeof abi === 'number'
    ? ok('landlock', `ABI ${abi}`)
    : warn(
        'landlock',
        `not available (${abi}): the jails do without a second fence around files`,
        'use a kernel with CONFIG_SECURITY_LANDLOCK and landlock among lsm= of its command line',
      );
}
