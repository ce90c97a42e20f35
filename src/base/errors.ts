/**
 * The one error type of the project, in three kinds named by who must act on it.
 *
 * A fourth kind, a guest's mistake, is never thrown: guests are hostile, so their mistakes are ordinary
 * return values. A failed {@link assert} is a mistake of ours.
 */

/** Options shared by every error of the project. */
export interface VmmErrorOptions {
  /** The error that led to this one. The message does not repeat it. */
  readonly cause?: unknown;
}

/** An error with a stable `code` such as `ERR_KERNEL_TRUNCATED`; match on the code, show the message. */
export class VmmError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options: VmmErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
  }
}

/** The user must act: the message names the option or file, what was wrong and what would be right. */
export class ConfigError extends VmmError {}

/** Details of a failed system call. */
export interface HostErrorOptions extends VmmErrorOptions {
  /** The failed call, `ioctl(KVM_CREATE_VM)` for example. */
  readonly syscall?: string;
  /** The errno that it left, positive; 0 where there is none. */
  readonly errno?: number;
}

/** The operator of the host must act: a system call failed or a facility is missing. */
export class HostError extends VmmError {
  readonly syscall: string;
  readonly errno: number;

  constructor(code: string, message: string, options: HostErrorOptions = {}) {
    super(code, message, options);
    this.syscall = options.syscall ?? '';
    this.errno = options.errno ?? 0;
  }
}

/** The other end of a socket or pipe broke the protocol; that end has to go, nothing else. */
export class ProtocolError extends VmmError {}

/** The message of anything that was thrown, followed by those of its causes. */
export function describeError(error: unknown): string {
  const parts: string[] = [];
  let current: unknown = error;
  for (let depth = 0; current !== undefined && depth < 8; depth++) {
    parts.push(current instanceof Error ? current.message : JSON.stringify(current));
    current = current instanceof Error ? current.cause : undefined;
  }
  return parts.join(': ');
}
