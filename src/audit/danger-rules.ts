/** Calls that no device should need, or only with a reason: the table behind the findings about policies. */
import type { Severity } from './findings.ts';
import type { CallSet } from './reach.ts';

/** A set of calls that is a finding as soon as a policy lets one of them through. */
export interface DangerRule extends CallSet {
  /** Stable: baselines name it. */
  readonly id: string;
  readonly severity: Severity;
  /** Follows the name of the call: `openat` + `opens files by name`. */
  readonly title: string;
  readonly why: string;
  readonly mend: string;
}

const IN_MEMORY = 'Its flags are in memory, where a filter cannot look.';

export const DANGER_RULES: readonly DangerRule[] = [
  {
    id: 'run-programs',
    severity: 'critical',
    title: 'runs another program',
    why: 'Whatever the jail shows can be started in place of the device.',
    mend: 'Take the line out: a device process never executes anything once it is confined.',
    calls: 'execve execveat uselib',
  },
  {
    id: 'change-jail',
    severity: 'critical',
    title: 'changes what the jail is made of',
    why: 'Mounts, roots, namespaces and modules are the walls of the jail.',
    mend: 'Take the line out; what a device needs to see belongs in "mounts" of its profile.',
    calls:
      'mount umount2 mount_setattr move_mount fsopen fsconfig fsmount fspick open_tree pivot_root chroot unshare ' +
      'setns reboot kexec_load kexec_file_load init_module finit_module delete_module create_module iopl ioperm',
  },
  {
    id: 'other-processes',
    severity: 'critical',
    title: 'reaches into other processes',
    why: 'Memory and descriptors of every process in the same pid namespace.',
    mend: 'Take the line out.',
    calls: 'ptrace process_vm_readv process_vm_writev process_madvise pidfd_getfd kcmp',
  },
  {
    id: 'filter-bypass',
    severity: 'critical',
    title: 'carries out calls that the filter never sees',
    why: 'What is submitted to an io_uring is opened, connected and written without passing the filter.',
    mend: 'Take the line out, or let the parent make the ring with restrictions (IORING_REGISTER_RESTRICTIONS).',
    calls: 'io_uring_setup io_uring_enter io_uring_register',
  },
  {
    id: 'kernel-surface',
    severity: 'high',
    title: 'opens a large and rarely needed part of the kernel',
    why: 'Holes in these interfaces have led from a process to the kernel again and again.',
    mend: 'Take the line out, or have the parent do it before the device is confined.',
    calls:
      'bpf perf_event_open userfaultfd keyctl add_key request_key fanotify_init modify_ldt vmsplice splice tee ' +
      'io_setup io_submit set_thread_area lookup_dcookie',
  },
  {
    id: 'create-processes',
    severity: 'high',
    title: 'creates processes',
    why: 'A new process survives the death of the device’s first thread, and may have namespaces of its own.',
    mend: 'Restrict it to threads: "clone: arg0 & CLONE_THREAD".',
    calls: 'fork vfork',
    conditions: { clone: 'arg0 in ~CLONE_THREAD' },
  },
  {
    id: 'unchecked-clone',
    severity: 'high',
    title: 'creates processes or threads with flags that nobody checks',
    why: IN_MEMORY,
    mend: 'Answer it with "clone3: return ENOSYS": the C library then falls back to clone, whose flags a rule can compare.',
    calls: 'clone3',
  },
  {
    id: 'writable-executable',
    severity: 'high',
    title: 'makes memory writable and executable at once',
    why: 'Who can write into the process can then run what was written, without a second step.',
    mend: 'Run V8 without a compiler (--jitless in "v8Flags") and say "arg2 in ~PROT_EXEC"; where the device has a hot path, bound the size and say why beside the rule.',
    calls: '',
    conditions: {
      mmap: 'arg2 & PROT_WRITE && arg2 & PROT_EXEC',
      mprotect: 'arg2 & PROT_WRITE && arg2 & PROT_EXEC',
      pkey_mprotect: 'arg2 & PROT_WRITE && arg2 & PROT_EXEC',
    },
  },
  {
    id: 'executable',
    severity: 'medium',
    title: 'makes memory executable',
    why: 'In two steps, writing first, an exploit gets code of its own.',
    mend: 'Say "arg2 in ~PROT_EXEC", and run V8 with --jitless.',
    calls: '',
    conditions: {
      mmap: 'arg2 & PROT_EXEC && arg2 in ~PROT_WRITE',
      mprotect: 'arg2 & PROT_EXEC && arg2 in ~PROT_WRITE',
      pkey_mprotect: 'arg2 & PROT_EXEC && arg2 in ~PROT_WRITE',
      shmat: 'arg2 & 0x8000',
    },
  },
  {
    id: 'open-files',
    severity: 'high',
    title: 'opens files by name',
    why: 'Everything that the jail’s root shows, now or after a mistake in the profile.',
    mend: 'Let the parent open the file and list it in "descriptors" of the profile; for a library that only asks, answer "return ENOENT".',
    calls: 'open openat openat2 creat open_by_handle_at',
  },
  {
    id: 'change-files',
    severity: 'high',
    title: 'changes the file tree',
    why: 'Names, owners and modes in every writable mount.',
    mend: 'Take the line out; restrict a device that serves files to a mount of its own.',
    calls:
      'mkdir mkdirat mknod mknodat rmdir unlink unlinkat rename renameat renameat2 link linkat symlink symlinkat ' +
      'chmod fchmod fchmodat fchmodat2 chown lchown fchown fchownat truncate setxattr lsetxattr fsetxattr ' +
      'removexattr lremovexattr fremovexattr',
  },
  {
    id: 'network',
    severity: 'high',
    title: 'makes sockets',
    why: 'Beyond the empty network namespace: netlink, vsock and packet sockets are kernel code that a device has no use for.',
    mend: 'Let the parent make the socket and send it; else name the family: "socket: arg0 == AF_UNIX".',
    calls: '',
    conditions: { socket: 'arg0 != AF_UNIX', socketpair: 'arg0 != AF_UNIX' },
  },
  {
    id: 'connect',
    severity: 'medium',
    title: 'gives a socket another end',
    why: 'A socket that the device holds can be led somewhere else.',
    mend: 'Let the parent connect the socket before it sends it.',
    calls: 'connect bind listen accept accept4',
    conditions: { socket: 'arg0 == AF_UNIX' },
  },
  {
    id: 'terminal-injection',
    severity: 'high',
    title: 'types into a terminal',
    why: 'TIOCSTI and TIOCLINUX put characters into the input of whoever shares the terminal.',
    mend: 'List the requests that the device needs, one by one.',
    calls: '',
    conditions: { ioctl: 'arg1 == TIOCSTI || arg1 == TIOCLINUX' },
  },
  {
    id: 'signal-others',
    severity: 'medium',
    title: 'sends signals',
    why: 'Every process that the pid namespace shows can be stopped.',
    mend: 'Restrict it to what is sent: "tgkill: arg2 == SIGABRT".',
    calls: 'kill tkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_send_signal',
    conditions: { tgkill: 'arg2 != SIGABRT' },
  },
  {
    id: 'privileges',
    severity: 'medium',
    title: 'changes its own privileges or attributes',
    why: 'The jail sets these before the device runs; nothing of it has to change later.',
    mend: 'Take the line out, or compare the argument that selects what is changed.',
    calls:
      'setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid setgroups capset personality seccomp ' +
      'setrlimit prlimit64 lsm_set_self_attr',
    conditions: {
      prctl: 'arg0 != PR_SET_NAME && arg0 != PR_GET_NAME && arg0 != PR_SET_VMA',
    },
  },
  {
    id: 'signal-by-descriptor',
    severity: 'low',
    title: 'has signals sent by descriptors',
    why: 'F_SETOWN and F_SETSIG have the kernel send a signal of choice to a process of choice.',
    mend: 'Compare the command: "fcntl: arg1 == F_GETFL || arg1 == F_SETFL".',
    calls: '',
    // F_SETSIG and F_SETOWN_EX, which the table of constants does not have.
    conditions: { fcntl: 'arg1 == F_SETOWN || arg1 == 10 || arg1 == 15' },
  },
];
