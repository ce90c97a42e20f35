/**
 * The typed face of the addon: what koffi cannot do safely, and nothing else.
 *
 * Every function throws a `TypeError` for an argument that is not of the documented shape, and a
 * {@link NativeFailure} for a system call that failed. `src/sys/native.ts` is its one user.
 */

/** The error of a failed system call. */
export interface NativeFailure extends Error {
  /** What was being attempted, `pivot_root` or `bind` for example. */
  readonly step: string;
  /** The call that failed. */
  readonly syscall: string;
  /** Its errno, positive. */
  readonly errno: number;
  /** The object concerned, a path for example; may be empty. */
  readonly detail: string;
}

/** A file or directory of the host that appears in the jail: nosuid, nodev, and read-only unless `writable`. */
export interface NativeMount {
  /** Absolute path on the host, free of symbolic links. */
  readonly source: string;
  /** Absolute path in the jail; parents are made. A target inside another one's directory is not possible. */
  readonly target: string;
  readonly directory?: boolean;
  /** Whether it may be executed or mapped executable; noexec otherwise. */
  readonly executable?: boolean;
  readonly writable?: boolean;
}

/** One setrlimit(2); -1 stands for RLIM_INFINITY. */
export interface NativeRlimit {
  /** RLIMIT_* number. */
  readonly resource: number;
  readonly soft: number;
  readonly hard: number;
}

/** A descriptor of the parent and its number in the child, 0 to 255. */
export interface NativeFdGrant {
  readonly from: number;
  readonly to: number;
}

export interface NativeSpawnOptions {
  /** CLONE_NEW* bits of the seven namespaces; CLONE_NEWUSER and CLONE_NEWNS are required. */
  readonly namespaces: number;
  /** Lines for /proc/PID/uid_map, `"inside outside count\n"` each. */
  readonly uidMap: string;
  readonly gidMap: string;
  /** True for a caller without CAP_SETGID; otherwise the child drops its supplementary groups. */
  readonly denySetgroups: boolean;
  /** Ids inside the user namespace that the program runs with. */
  readonly uid: number;
  readonly gid: number;
  /** Host name inside, at most 64 bytes. */
  readonly hostname: string;
  /** Any directory of the host: the new root is mounted on it, unseen by the host, before it is pivoted to. */
  readonly stagingDirectory: string;
  /** Capacity of the root file system, which holds mount points only. */
  readonly rootSizeBytes: number;
  readonly mounts: readonly NativeMount[];
  readonly rlimits: readonly NativeRlimit[];
  /** All that the child inherits; everything else is closed. */
  readonly fds: readonly NativeFdGrant[];
  /** Program, as the jail sees it. */
  readonly path: string;
  readonly argv: readonly string[];
  /** `NAME=value` strings. */
  readonly env: readonly string[];
}

export interface NativeChild {
  readonly pid: number;
  /** Close-on-exec; becomes readable when the process ends. The caller closes it. */
  readonly pidfd: number;
}

export interface NativeSeccompOptions {
  /** Return the descriptor that SECCOMP_RET_USER_NOTIF reports to. */
  readonly newListener: boolean;
  /** Have the kernel log every action but RET_ALLOW. */
  readonly log?: boolean;
}

export interface NativeReceived {
  /** Bytes received; with `truncated` the buffer holds this many of a longer message. 0 at the end. */
  readonly bytes: number;
  /** Close-on-exec; the caller owns them. Empty when truncated. */
  readonly fds: readonly number[];
  /** The message had more bytes than the buffer or more descriptors than allowed; those were closed. */
  readonly truncated: boolean;
}

export interface NativeExit {
  readonly state: 'running' | 'exited' | 'signaled';
  /** Exit code or signal number; 0 while running. */
  readonly status: number;
}

export interface NativeAddon {
  /** See `src/sys/native.ts` for what each of these promises. */
  spawnJailed(plans: readonly NativeSpawnOptions[]): NativeChild[];
  seccompLoad(program: Uint8Array, options: NativeSeccompOptions): number;
  sendWithFds(sock: number, data: Uint8Array, fds: readonly number[]): number;
  recvWithFds(sock: number, buffer: Uint8Array, maxFds: number): NativeReceived | undefined;
  installKickHandler(signal: number): void;
  registerVcpuThread(immediateExitAddress: number): number;
  unregisterVcpuThread(): void;
  kickThread(tid: number): void;
  waitPid(pid: number, nohang: boolean): NativeExit;
  signalPidfd(pidfd: number, signal: number): void;
}
