/** A seccomp program that lets Node run on and use its channel, and reports everything else to the parent. */
import { SECCOMP_RET_USER_NOTIF } from '../../src/seccomp/actions.ts';
import { compilePolicyText } from '../../src/seccomp/compile.ts';

/**
 * What Node's threads do while the script only waits for messages. The clocks are system calls where the vDSO cannot
 * read them, as in many virtual machines.
 */
const ALLOWED = [
  'brk',
  'clock_gettime',
  'close',
  'epoll_ctl',
  'epoll_pwait',
  'epoll_wait',
  'exit',
  'exit_group',
  'futex',
  'getpid',
  'gettid',
  'gettimeofday',
  'madvise',
  'mmap',
  'mprotect',
  'munmap',
  'read',
  'recvmsg',
  'restart_syscall',
  'rt_sigaction',
  'rt_sigprocmask',
  'rt_sigreturn',
  'sched_yield',
  'sendmsg',
  'write',
] as const;

/** Compiles it. */
export function strictProgram(): Uint8Array {
  const text = ALLOWED.map((name) => `${name}: 1\n`).join('');
  return compilePolicyText(text, { arch: 'x86_64', defaultReturn: SECCOMP_RET_USER_NOTIF }).program;
}
