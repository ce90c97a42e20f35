/**
 * What system calls are good for, in the words of somebody who has taken over a process: every call of the kernel's
 * table belongs to an ability, some to two, told apart by their arguments.
 *
 * Conditions are written in the policy language, so that "may this policy do that" is decided exactly, by the same
 * code that compares policies.
 */
import type { CallSet } from './reach.ts';

/** How much an ability is worth to an attacker: `severe` ones lead out of the jail, `plain` ones every process has. */
export type AbilityRisk = 'severe' | 'notable' | 'plain';

/** One thing that a process could do: the calls that give it, and what it means. */
export interface Ability extends CallSet {
  /** Stable; part of links and of JSON. */
  readonly id: string;
  /** A verb phrase: what the process may do. */
  readonly title: string;
  readonly risk: AbilityRisk;
  /** What an attacker has of it. */
  readonly meaning: string;
}

/** The most dangerous ones first. */
export const ABILITIES: readonly Ability[] = [
  {
    id: 'run-programs',
    title: 'run programs',
    risk: 'severe',
    meaning: 'Replaces the program by any other one that the jail shows.',
    calls: 'execve execveat uselib',
  },
  {
    id: 'create-processes',
    title: 'create processes',
    risk: 'severe',
    meaning:
      'Makes processes that outlive a crash of this one, and new namespaces with fresh rights in them.',
    calls: 'fork vfork clone3',
    conditions: { clone: 'arg0 in ~CLONE_THREAD' },
  },
  {
    id: 'open-files',
    title: 'open files by name',
    risk: 'severe',
    meaning:
      'Reaches everything that the jail’s root shows, and whatever a mistake there leaves in it.',
    calls:
      'open openat openat2 creat open_by_handle_at name_to_handle_at open_tree chdir fchdir quotactl quotactl_fd ' +
      'swapon swapoff acct',
  },
  {
    id: 'change-files-by-name',
    title: 'change the file tree',
    risk: 'severe',
    meaning: 'Creates, renames, links and removes names, or changes owners, modes and attributes.',
    calls:
      'mkdir mkdirat mknod mknodat rmdir unlink unlinkat rename renameat renameat2 link linkat symlink symlinkat ' +
      'chmod fchmod fchmodat fchmodat2 chown lchown fchown fchownat truncate utime utimes futimesat utimensat ' +
      'setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr umask',
  },
  {
    id: 'executable-memory',
    title: 'make memory executable',
    risk: 'severe',
    meaning:
      'Turns data into machine code: an exploit can run code of its own instead of pieces of ours.',
    calls: '',
    conditions: {
      mmap: 'arg2 & PROT_EXEC',
      mprotect: 'arg2 & PROT_EXEC',
      pkey_mprotect: 'arg2 & PROT_EXEC',
      // SHM_EXEC.
      shmat: 'arg2 & 0x8000',
    },
  },
  {
    id: 'network',
    title: 'reach the network',
    risk: 'severe',
    meaning:
      'Makes sockets, and connects or binds them. An empty network namespace leaves abstract Unix sockets of it.',
    calls: 'socket socketpair connect bind listen accept accept4',
  },
  {
    id: 'driver-ioctl',
    title: 'talk ioctl to drivers',
    risk: 'severe',
    meaning:
      'Runs driver code of the host on requests of its own; which driver depends on the descriptors that it holds.',
    calls: 'ioctl',
  },
  {
    id: 'kernel-surface',
    title: 'use rarely tested kernel code',
    risk: 'severe',
    meaning:
      'Large interfaces with a history of holes; io_uring also carries out calls that this filter never sees.',
    calls:
      'io_uring_setup io_uring_enter io_uring_register bpf perf_event_open userfaultfd keyctl add_key request_key ' +
      'io_setup io_submit io_cancel io_destroy io_getevents io_pgetevents fanotify_init fanotify_mark vmsplice ' +
      'splice tee lookup_dcookie sysfs modify_ldt uretprobe set_thread_area get_thread_area map_shadow_stack ' +
      'afs_syscall tuxcall security vserver getpmsg putpmsg nfsservctl query_module get_kernel_syms',
  },
  {
    id: 'change-jail',
    title: 'change its own jail',
    risk: 'severe',
    meaning: 'Mounts, roots, namespaces, and the machine itself: what the jail is made of.',
    calls:
      'mount umount2 mount_setattr move_mount fsopen fsconfig fsmount fspick pivot_root chroot unshare setns ' +
      'reboot kexec_load kexec_file_load init_module finit_module delete_module create_module ' +
      'sethostname setdomainname settimeofday clock_settime adjtimex clock_adjtime iopl ioperm syslog vhangup _sysctl',
  },
  {
    id: 'other-processes',
    title: 'reach into other processes',
    risk: 'severe',
    meaning: 'Reads, writes, or takes descriptors of other processes in its pid namespace.',
    calls:
      'ptrace process_vm_readv process_vm_writev process_madvise process_mrelease pidfd_open pidfd_getfd kcmp ' +
      'migrate_pages move_pages',
  },
  {
    id: 'signal-others',
    title: 'send signals',
    risk: 'notable',
    meaning: 'Stops or kills processes that its pid namespace shows.',
    calls: 'kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_send_signal',
  },
  {
    id: 'privileges',
    title: 'change privileges',
    risk: 'notable',
    meaning: 'User ids, capabilities, process attributes, limits and priorities.',
    calls:
      'setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid setgroups capset prctl arch_prctl ' +
      'personality seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self lsm_set_self_attr ' +
      'setrlimit prlimit64 setpriority ioprio_set sched_setscheduler sched_setparam sched_setattr ' +
      'sched_setaffinity setpgid setsid',
  },
  {
    id: 'new-descriptors',
    title: 'make new kinds of descriptors',
    risk: 'notable',
    meaning: 'Memory files, pipes, timers and the like, which it was not given.',
    calls:
      'memfd_create memfd_secret eventfd eventfd2 pipe pipe2 timerfd_create signalfd signalfd4 inotify_init ' +
      'inotify_init1 inotify_add_watch inotify_rm_watch epoll_create epoll_create1',
  },
  {
    id: 'shared-memory',
    title: 'use System V and POSIX IPC',
    risk: 'notable',
    meaning: 'Objects of its ipc namespace, shared with whoever else is in it.',
    calls:
      'shmget shmat shmdt shmctl semget semop semtimedop semctl msgget msgsnd msgrcv msgctl mq_open mq_unlink ' +
      'mq_timedsend mq_timedreceive mq_notify mq_getsetattr',
  },
  {
    id: 'inspect-files',
    title: 'look at files and directories by name',
    risk: 'notable',
    meaning: 'Learns what the jail’s root shows without opening it.',
    calls:
      'stat lstat newfstatat statx access faccessat faccessat2 readlink readlinkat getcwd getdents getdents64 statfs ' +
      'ustat getxattr lgetxattr listxattr llistxattr statmount listmount',
  },
  {
    id: 'threads',
    title: 'create threads',
    risk: 'notable',
    meaning: 'More threads of this process, under the same filter.',
    calls: '',
    conditions: { clone: 'arg0 & CLONE_THREAD' },
  },
  {
    id: 'pass-descriptors',
    title: 'exchange messages and descriptors',
    risk: 'notable',
    meaning:
      'On sockets that it holds, its channel to the parent above all; descriptors may come with a message.',
    calls:
      'sendmsg recvmsg sendmmsg recvmmsg sendto recvfrom shutdown setsockopt getsockopt getsockname getpeername',
  },
  {
    id: 'read-descriptors',
    title: 'read what it holds',
    risk: 'plain',
    meaning: 'From every descriptor that is open for reading.',
    calls:
      'read readv pread64 preadv preadv2 lseek readahead fadvise64 fstat fstatfs fgetxattr flistxattr cachestat ' +
      'sendfile copy_file_range',
  },
  {
    id: 'write-descriptors',
    title: 'write what it holds',
    risk: 'plain',
    meaning: 'To every descriptor that is open for writing.',
    calls:
      'write writev pwrite64 pwritev pwritev2 fallocate ftruncate fsync fdatasync sync syncfs sync_file_range ' +
      'sendfile copy_file_range',
  },
  {
    id: 'manage-descriptors',
    title: 'manage the descriptors that it holds',
    risk: 'plain',
    meaning: 'Closes and copies them, or changes their flags.',
    calls: 'close close_range dup dup2 dup3 fcntl flock',
  },
  {
    id: 'memory',
    title: 'manage its own memory',
    risk: 'plain',
    meaning: 'Maps, unmaps and protects memory, none of it executable.',
    calls:
      'munmap mremap remap_file_pages brk madvise msync mincore mlock mlock2 mlockall munlock munlockall mseal mbind set_mempolicy ' +
      'get_mempolicy set_mempolicy_home_node pkey_alloc pkey_free membarrier',
    conditions: {
      mmap: 'arg2 in ~PROT_EXEC',
      mprotect: 'arg2 in ~PROT_EXEC',
      pkey_mprotect: 'arg2 in ~PROT_EXEC',
    },
  },
  {
    id: 'wait',
    title: 'wait for events, and for its own threads',
    risk: 'plain',
    meaning: 'Sleeps until a descriptor, a timer, a signal or another thread has something.',
    calls:
      'epoll_wait epoll_pwait epoll_pwait2 epoll_ctl epoll_ctl_old epoll_wait_old poll ppoll select pselect6 futex ' +
      'futex_wait futex_wake futex_waitv futex_requeue nanosleep clock_nanosleep pause sched_yield wait4 waitid ' +
      'rt_sigsuspend rt_sigtimedwait timerfd_settime timerfd_gettime timer_create timer_settime timer_gettime ' +
      'timer_getoverrun timer_delete alarm setitimer getitimer restart_syscall set_tid_address set_robust_list ' +
      'get_robust_list rseq',
  },
  {
    id: 'handle-signals',
    title: 'handle its own signals',
    risk: 'plain',
    meaning: 'Blocks signals, and runs handlers of its own.',
    calls: 'rt_sigaction rt_sigprocmask rt_sigpending rt_sigreturn sigaltstack',
  },
  {
    id: 'entropy',
    title: 'draw random bytes',
    risk: 'plain',
    meaning: 'From the kernel, without a descriptor.',
    calls: 'getrandom',
  },
  {
    id: 'ask-kernel',
    title: 'ask the kernel for times and numbers',
    risk: 'plain',
    meaning: 'Clocks, its own ids, limits, statistics of the host.',
    calls:
      'clock_gettime clock_getres gettimeofday time times getpid gettid getppid getpgid getpgrp getsid getuid geteuid ' +
      'getgid getegid getresuid getresgid getgroups getrlimit getrusage getpriority ioprio_get sched_getscheduler ' +
      'sched_getparam sched_getattr sched_getaffinity sched_get_priority_max sched_get_priority_min ' +
      'sched_rr_get_interval getcpu uname sysinfo capget lsm_get_self_attr lsm_list_modules',
  },
  {
    id: 'end',
    title: 'end',
    risk: 'plain',
    meaning: 'Ends a thread, or the process.',
    calls: 'exit exit_group',
  },
];
