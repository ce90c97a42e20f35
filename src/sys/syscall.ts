/** syscall(2) by number, for calls that the C library does not wrap. x86-64 numbers. */
import { bindNumeric } from './libc.ts';

/** `long syscall(number, a, b, c, d)`; negative with errno set on failure. */
export const syscall = bindNumeric('long syscall(long number, long a, long b, long c, long d)');

export const SYS_SECCOMP = 317;
export const SYS_IO_URING_SETUP = 425;
export const SYS_LANDLOCK_CREATE_RULESET = 444;
