/**
 * The parent's side of a seccomp user notification: what a device tried that its policy does not allow.
 *
 * The kernel holds the violating thread and hands its call to whoever reads the listener. The parent reads one record,
 * names it and kills the device; it never answers, so nothing that a device does can turn into a permission. The
 * record is made by the kernel, and the device cannot forge it. Pure: the `ioctl` belongs to the caller.
 *
 * `struct seccomp_notif` (seccomp_unotify(2)), little-endian:
 *
 * | offset | width | content                                             |
 * | ------ | ----- | --------------------------------------------------- |
 * | 0      | 8     | cookie of the notification                          |
 * | 8      | 4     | thread, as the reader's pid namespace numbers it    |
 * | 12     | 4     | flags, 0                                            |
 * | 16     | 4     | syscall number, signed                              |
 * | 20     | 4     | AUDIT_ARCH_*                                        |
 * | 24     | 8     | instruction pointer                                 |
 * | 32     | 6 * 8 | arguments                                           |
 */
import { ProtocolError } from '../base/errors.ts';

/**
 * `_IOWR('!', 0, struct seccomp_notif)`. The buffer must be all zero on entry, or the kernel refuses it with EINVAL;
 * ENOENT means that the thread is gone already.
 */
export const SECCOMP_IOCTL_NOTIF_RECV = 0xc050_2100;
/** `_IOW('!', 2, __u64)`: ENOENT once the thread that is waiting has gone. */
export const SECCOMP_IOCTL_NOTIF_ID_VALID = 0x4008_2102;

export const SECCOMP_NOTIF_BYTES = 80;
const ARGUMENT_COUNT = 6;

/** A system call that a device was stopped at. */
export interface Violation {
  /** The kernel's cookie of this notification. */
  readonly id: bigint;
  /** Thread that made the call. */
  readonly tid: number;
  readonly syscall: number;
  /** AUDIT_ARCH_* of the call: another than the host's is an attempt of its own. */
  readonly arch: number;
  readonly instructionPointer: bigint;
  /** The six argument registers; those beyond the call's own arguments are leftovers. */
  readonly args: readonly bigint[];
}

/**
 * Decodes what SECCOMP_IOCTL_NOTIF_RECV filled in.
 *
 * @throws ERR_SECCOMP_NOTIF when there are too few bytes.
 */
export function decodeViolation(record: Uint8Array): Violation {
  if (record.byteLength < SECCOMP_NOTIF_BYTES) {
    throw new ProtocolError(
      'ERR_SECCOMP_NOTIF',
      `a seccomp notification has ${SECCOMP_NOTIF_BYTES} bytes, not ${record.byteLength}`,
    );
  }
  const view = new DataView(record.buffer, record.byteOffset, SECCOMP_NOTIF_BYTES);
  return {
    id: view.getBigUint64(0, true),
    tid: view.getUint32(8, true),
    syscall: view.getInt32(16, true),
    arch: view.getUint32(20, true),
    instructionPointer: view.getBigUint64(24, true),
    args: Array.from({ length: ARGUMENT_COUNT }, (_, index) =>
      view.getBigUint64(32 + index * 8, true),
    ),
  };
}

/**
 * Argument that tells one use of a call from another, for calls that do many things: a rule without it would allow
 * far more than the device asked for.
 */
const SELECTOR_ARGUMENT: Readonly<Record<string, number>> = {
  clone: 0,
  fcntl: 1,
  futex: 1,
  ioctl: 1,
  madvise: 2,
  mmap: 2,
  mprotect: 2,
  prctl: 0,
  setsockopt: 2,
  socket: 0,
  tgkill: 2,
};

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}

/**
 * The narrowest policy line that would have let the call through, in minijail's syntax.
 *
 * @param name of the call, as policies write it.
 */
export function policyLineFor(name: string, violation: Violation): string {
  const selector = SELECTOR_ARGUMENT[name];
  const value = selector === undefined ? undefined : violation.args[selector];
  return selector === undefined || value === undefined
    ? `${name}: 1`
    : `${name}: arg${selector} == ${hex(value)}`;
}

/** Who broke which policy. */
export interface ViolationContext {
  /** The device as the user knows it, `block0` for example. */
  readonly device: string;
  /** File name of its policy. */
  readonly policy: string;
  /** Name of a syscall number, or undefined for one that does not exist. */
  readonly syscallName: (number: number) => string | undefined;
}

/** One sentence for the operator: device, call, arguments, and the line that would allow it. */
export function describeViolation(violation: Violation, context: ViolationContext): string {
  const name = context.syscallName(violation.syscall);
  const call = `${name ?? `syscall ${violation.syscall}`}(${violation.args.map(hex).join(', ')})`;
  const remedy =
    name === undefined
      ? 'no policy line can allow it'
      : `${context.policy} would have to say "${policyLineFor(name, violation)}"`;
  return `${context.device} tried ${call}, which its seccomp policy does not allow; ${remedy}`;
}
