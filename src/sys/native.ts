/**
 * The door to the addon (`native/`): what JavaScript and koffi cannot do safely. `bin/build-native.mjs` builds it.
 *
 * May be loaded in every thread. Failed system calls become {@link HostError}s that name step, call and errno.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type {
  NativeAddon,
  NativeChild,
  NativeExit,
  NativeFailure,
  NativeReceived,
  NativeSeccompOptions,
  NativeSpawnOptions,
} from '../../native/addon.d.ts';
import { assert } from '../base/assert.ts';
import { HostError } from '../base/errors.ts';
import { errnoName } from './errno.ts';

export type {
  NativeFdGrant,
  NativeMount,
  NativeRlimit,
  NativeSpawnOptions,
} from '../../native/addon.d.ts';

const ADDON = 'native/build/crosvm_native.node';

/**
 * Path of the addon: below the nearest folder above this file that has it, which is the project's in a checkout and
 * the application's in a jail, bundled or not.
 *
 * @throws ERR_NATIVE_MISSING when it was not built.
 */
export function nativeAddonPath(): string {
  for (let dir = import.meta.dirname; ; dir = dirname(dir)) {
    const path = join(dir, ADDON);
    if (existsSync(path)) {
      return path;
    }
    if (dir === dirname(dir)) {
      throw new HostError(
        'ERR_NATIVE_MISSING',
        `${ADDON} is missing: build it with "node bin/build-native.mjs"`,
      );
    }
  }
}

// CAST: the addon is ours, and addon.d.ts is what it exports.
const addon = createRequire(import.meta.url)(nativeAddonPath()) as NativeAddon;

function isNativeFailure(error: unknown): error is NativeFailure {
  return error instanceof Error && 'step' in error && 'errno' in error;
}

/** Runs a call into the addon; `code` is the one of the error that a failed system call becomes. */
function attempt<T>(name: string, call: () => T, code = 'ERR_SYSCALL'): T {
  try {
    return call();
  } catch (error) {
    if (!isNativeFailure(error)) {
      throw error;
    }
    const { step, detail, syscall, errno } = error;
    const where = step === name ? name : `${name}: step ${step}`;
    const what = detail === '' ? '' : ` (${detail})`;
    throw new NativeError(
      code,
      `${where}: ${syscall} failed: ${errnoName(errno)}${what}`,
      { syscall, errno },
      step,
    );
  }
}

/** A {@link HostError} of the addon: `step` says which part of a longer procedure failed. */
export class NativeError extends HostError {
  readonly step: string;

  constructor(
    code: string,
    message: string,
    options: { readonly syscall: string; readonly errno: number },
    step: string,
  ) {
    super(code, message, options);
    this.step = step;
  }
}

/**
 * Starts one program; see {@link spawnAllJailed}.
 */
export function spawnJailed(options: NativeSpawnOptions): NativeChild {
  const [child] = spawnAllJailed([options]);
  assert(child !== undefined, 'one plan makes one child');
  return child;
}

/**
 * Starts programs, each in a jail of its own: new namespaces, a root file system that holds the listed mounts only, the listed
 * descriptors, no capability, no way to gain one, and SIGKILL when the calling *thread* ends.
 *
 * So call it in the main thread: a worker that ends takes every child that it spawned with it. The program is
 * process 1 of its pid namespace: a signal that it does not handle is ignored unless the kernel raised it for a fault
 * or it is SIGKILL from outside, and `abort()` ends it by SIGSEGV instead of SIGABRT.
 *
 * Blocks for a few milliseconds, until all programs are being executed; their jails are built side by side.
 *
 * @returns in the order of the plans, a process id and a pidfd each; the caller closes the pidfd and reaps the process
 *   with {@link waitPid}.
 * @throws ERR_JAIL_SPAWN naming the step that failed for one of them; no process is left then.
 */
export function spawnAllJailed(plans: readonly NativeSpawnOptions[]): NativeChild[] {
  return attempt('spawnJailed', () => addon.spawnJailed(plans), 'ERR_JAIL_SPAWN');
}

/**
 * Installs a seccomp filter in every thread of this process, for good, and sets no_new_privs.
 *
 * @param program `struct sock_filter[]`, 1 to 4096 instructions of 8 bytes.
 * @returns the close-on-exec listener descriptor with `newListener`, else -1. From here on the policy decides
 *   whether this process can send it anywhere: a policy with a listener has to allow `sendmsg`.
 * @throws ERR_SECCOMP_LOAD: EINVAL for a program that the kernel refuses, ESRCH when a thread has a filter of its
 *   own and cannot follow, EBUSY when there is a listener already.
 */
export function seccompLoad(program: Uint8Array, options: NativeSeccompOptions): number {
  return attempt('seccompLoad', () => addon.seccompLoad(program, options), 'ERR_SECCOMP_LOAD');
}

/**
 * Sends bytes and duplicates of descriptors as one message; SIGPIPE never comes.
 *
 * @param fds at most 253; they stay the caller's.
 * @returns the bytes sent: all of them on a SOCK_SEQPACKET socket.
 * @throws ERR_SYSCALL: EPIPE when the peer is gone, EAGAIN when a non-blocking socket is full.
 */
export function sendWithFds(sock: number, data: Uint8Array, fds: readonly number[]): number {
  return attempt('sendWithFds', () => addon.sendWithFds(sock, data, fds));
}

/**
 * Receives one message into `buffer`.
 *
 * @param maxFds descriptors to accept, 0 to 253. A message with more, or with more bytes than fit, is `truncated`,
 *   and all its descriptors are closed.
 * @returns undefined when a non-blocking socket has nothing; `bytes` 0 when the peer is gone.
 * @throws ERR_SYSCALL
 */
export function recvWithFds(
  sock: number,
  buffer: Uint8Array,
  maxFds: number,
): NativeReceived | undefined {
  return attempt('recvWithFds', () => addon.recvWithFds(sock, buffer, maxFds));
}

/** Installs, for the process, the handler of {@link kickThread}: once, before any vCPU thread registers. */
export function installKickHandler(signal: number): void {
  attempt('installKickHandler', () => {
    addon.installKickHandler(signal);
  });
}

/**
 * Makes kicks of the calling thread set a byte to 1: `kvm_run.immediate_exit` of its vCPU. The memory has to stay
 * mapped until {@link unregisterVcpuThread} or the end of the process.
 *
 * @returns the thread id for {@link kickThread}.
 */
export function registerVcpuThread(immediateExitAddress: number): number {
  return attempt('registerVcpuThread', () => addon.registerVcpuThread(immediateExitAddress));
}

/** Undoes {@link registerVcpuThread} for the calling thread. */
export function unregisterVcpuThread(): void {
  addon.unregisterVcpuThread();
}

/**
 * Gets a registered thread of this process out of KVM_RUN, or lets its next KVM_RUN return at once.
 *
 * @throws ERR_SYSCALL with ESRCH when the thread is gone.
 */
export function kickThread(tid: number): void {
  attempt('kickThread', () => {
    addon.kickThread(tid);
  });
}

/**
 * Reaps a child of this process.
 *
 * @param nohang return state `running` instead of waiting.
 * @throws ERR_SYSCALL with ECHILD when it is no child, or reaped already.
 */
export function waitPid(pid: number, nohang: boolean): NativeExit {
  return attempt('waitPid', () => addon.waitPid(pid, nohang));
}

/**
 * Signals the process behind a pidfd; the number of a process that is gone can never be somebody else's.
 *
 * @throws ERR_SYSCALL with ESRCH when it has ended.
 */
export function signalPidfd(pidfd: number, signal: number): void {
  attempt('signalPidfd', () => {
    addon.signalPidfd(pidfd, signal);
  });
}
