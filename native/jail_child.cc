// SAFETY, for the whole file: this runs in a copy of a multi-threaded process, where any lock (that
// of malloc first) may be held by a thread that does not exist here. So: system calls and plain
// memory only. Calls that glibc would make "for all threads" (setresuid, setgroups) or that it
// caches go through syscall(2).
#include "jail_child.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

namespace native {

namespace {

constexpr int kExitNeverStarted = 127;
constexpr int kSignalCount = 64;
// The kernel's sigset_t, not glibc's.
constexpr size_t kKernelSigsetBytes = 8;
// struct sigaction of the kernel: handler, flags, restorer, mask. All zero is SIG_DFL.
struct KernelSigaction {
  unsigned long words[4];
};

void CopyText(char* to, size_t capacity, const char* from) {
  size_t i = 0;
  for (; i + 1 < capacity && from[i] != '\0'; i++) {
    to[i] = from[i];
  }
  to[i] = '\0';
}

class Child {
 public:
  Child(JailPlan* plan, int sock) : plan_(plan), sock_(sock) {}

  // The order is argued at each step; the list is the sandbox.
  [[noreturn]] void Run() {
    ResetSignals();
    AwaitParent(kGo, "id maps");
    Check(syscall(SYS_setsid), "new session", "setsid");
    ForbidUserNamespaces();
    EnterRoot();
    PopulateRoot();
    SealRoot();
    NameHost();
    GrantFds();
    LimitResources();
    DropBoundingSet();
    LockSecurebits();
    BecomeUser();
    DropCapabilities();
    Check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges",
          "prctl(PR_SET_NO_NEW_PRIVS)");
    ArmParentDeathSignal();
    Execute();
  }

 private:
  [[noreturn]] void Fail(const char* step, const char* syscall_name, int error,
                         const char* detail) {
    ChildReport report;
    report.error = error;
    CopyText(report.step, sizeof(report.step), step);
    CopyText(report.syscall, sizeof(report.syscall), syscall_name);
    CopyText(report.detail, sizeof(report.detail), detail);
    send(sock_, &report, sizeof(report), MSG_NOSIGNAL);
    _exit(kExitNeverStarted);
  }

  void Check(long result, const char* step, const char* syscall_name, const char* detail = "") {
    if (result < 0) {
      Fail(step, syscall_name, errno, detail);
    }
  }

  // Node's handlers point into a program that is about to go; an ignored signal would stay ignored.
  void ResetSignals() {
    const KernelSigaction defaults = {};
    for (int number = 1; number <= kSignalCount; number++) {
      if (number != SIGKILL && number != SIGSTOP) {
        Check(syscall(SYS_rt_sigaction, number, &defaults, nullptr, kKernelSigsetBytes),
              "default signals", "rt_sigaction");
      }
    }
    const unsigned long empty = 0;
    Check(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &empty, nullptr, kKernelSigsetBytes),
          "default signals", "rt_sigprocmask");
  }

  void AwaitParent(char expected, const char* step) {
    char answer = 0;
    ssize_t got = -1;
    do {
      got = recv(sock_, &answer, sizeof(answer), 0);
    } while (got < 0 && errno == EINTR);
    if (got != 1 || answer != expected) {
      Fail(step, "recv", got < 0 ? errno : EPIPE, "the parent is gone");
    }
  }

  // A nested user namespace would hand out a full set of capabilities again. This limit is the one
  // of the namespace that the process is in, and can be written only now, with a /proc in sight and
  // rights inside.
  void ForbidUserNamespaces() {
    static constexpr char kLimit[] = "/proc/sys/user/max_user_namespaces";
    const int fd = open(kLimit, O_WRONLY | O_CLOEXEC);
    if (fd < 0 && (errno == EROFS || errno == ENOENT)) {
      // A container that hides its sysctls. The seccomp policy forbids it once more.
      return;
    }
    Check(fd, "forbid user namespaces", "open", kLimit);
    Check(write(fd, "0", 1), "forbid user namespaces", "write", kLimit);
    close(fd);
  }

  void EnterRoot() {
    // First, so that no mount of ours reaches the host.
    Check(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "private mounts", "mount");
    const char* staging = plan_->staging.c_str();
    Check(mount("tmpfs", staging, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
                plan_->root_options.c_str()),
          "root", "mount", staging);
    Check(mkdir(plan_->staging_old.c_str(), 0700), "root", "mkdir", plan_->staging_old.c_str());
    // Pivoting before the binds: it takes the tmpfs off the staging directory, so nothing of the
    // host is hidden below it when the sources are looked up.
    Check(syscall(SYS_pivot_root, staging, plan_->staging_old.c_str()), "pivot_root", "pivot_root",
          staging);
    Check(chdir("/"), "pivot_root", "chdir");
  }

  void PopulateRoot() {
    umask(0022);
    for (const std::string& directory : plan_->directories) {
      Check(mkdir(directory.c_str(), 0755), "mount point", "mkdir", directory.c_str());
    }
    for (const BindMount& entry : plan_->mounts) {
      Bind(entry);
    }
    umask(0077);
  }

  void MakeMountPoint(const BindMount& entry) {
    const char* target = entry.target.c_str();
    if (entry.directory) {
      // A parent of another target may have made it.
      if (mkdir(target, 0755) != 0 && errno != EEXIST) {
        Fail("mount point", "mkdir", errno, target);
      }
      return;
    }
    const int fd = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
    Check(fd, "mount point", "open", target);
    close(fd);
  }

  void Bind(const BindMount& entry) {
    const char* target = entry.target.c_str();
    MakeMountPoint(entry);
    // Not recursive: what the host mounted below a directory is not part of the plan.
    Check(mount(entry.source.c_str(), target, nullptr, MS_BIND, nullptr), "bind", "mount",
          entry.source.c_str() + sizeof(kOldRoot) - 1);
    struct statfs status = {};
    Check(statfs(target, &status), "bind", "statfs", target);
    const auto present = static_cast<unsigned long>(status.f_flags);
    if (entry.executable && (present & ST_NOEXEC) != 0) {
      // The flag is locked in a user namespace. Unsaid, the dynamic linker would speak in riddles.
      Fail("bind from a noexec mount", "exec", EACCES, entry.source.c_str() + sizeof(kOldRoot) - 1);
    }
    unsigned long flags = MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV | LockedFlags(present);
    flags |= entry.executable ? 0 : MS_NOEXEC;
    flags |= entry.writable ? 0 : MS_RDONLY;
    Check(mount(nullptr, target, nullptr, flags, nullptr), "restrict bind", "mount", target);
  }

  // A mount that came from a more privileged namespace has its flags locked: a remount that leaves
  // one of them out fails with EPERM. The flags of statfs are those of mount, except for these.
  static unsigned long LockedFlags(unsigned long present) {
    unsigned long flags = present & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC);
    flags |= (present & ST_NOATIME) != 0 ? MS_NOATIME : 0;
    flags |= (present & ST_NODIRATIME) != 0 ? MS_NODIRATIME : 0;
    flags |= (present & ST_RELATIME) != 0 ? MS_RELATIME : 0;
    if ((flags & (MS_NOATIME | MS_RELATIME)) == 0) {
      flags |= MS_STRICTATIME;
    }
    return flags;
  }

  void SealRoot() {
    Check(umount2(kOldRoot, MNT_DETACH), "leave the old root", "umount2");
    Check(rmdir(kOldRoot), "leave the old root", "rmdir");
    Check(mount(nullptr, "/", nullptr, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
                plan_->root_options.c_str()),
          "read-only root", "mount");
  }

  void NameHost() {
    if ((plan_->namespaces & CLONE_NEWUTS) == 0) {
      return;
    }
    Check(sethostname(plan_->hostname.data(), plan_->hostname.size()), "host name", "sethostname");
    Check(setdomainname("", 0), "host name", "setdomainname");
  }

  // Two rounds: a `to` of one grant may be the `from` of another. Only copies that lie above every
  // `to` are left by the first round, so the second one overwrites nothing that is still needed.
  void GrantFds() {
    const int floor = plan_->fds.empty() ? 0 : plan_->fds.back().to + 1;
    const int sock = fcntl(sock_, F_DUPFD_CLOEXEC, floor);
    Check(sock, "descriptors", "fcntl");
    sock_ = sock;
    for (FdGrant& grant : plan_->fds) {
      grant.staged = fcntl(grant.from, F_DUPFD_CLOEXEC, floor);
      Check(grant.staged, "descriptors", "fcntl");
    }
    unsigned int next = 0;
    for (const FdGrant& grant : plan_->fds) {
      Check(dup2(grant.staged, grant.to), "descriptors", "dup2");
      CloseRange(next, static_cast<unsigned int>(grant.to));
      next = static_cast<unsigned int>(grant.to) + 1;
    }
    CloseRange(next, static_cast<unsigned int>(sock_));
    CloseRange(static_cast<unsigned int>(sock_) + 1, UINT_MAX);
  }

  // Closes [first, end).
  void CloseRange(unsigned int first, unsigned int end) {
    if (first < end) {
      Check(syscall(SYS_close_range, first, end - 1, 0U), "close descriptors", "close_range");
    }
  }

  // After the descriptors: RLIMIT_NOFILE also bounds the numbers that a copy may get.
  void LimitResources() {
    for (const ResourceLimit& entry : plan_->rlimits) {
      Check(syscall(SYS_prlimit64, 0, entry.resource, &entry.limit, nullptr), "resource limits",
            "prlimit64");
    }
  }

  void DropBoundingSet() {
    // Up to the first number that this kernel does not know; CAP_CHOWN is 0.
    for (int capability = 0;; capability++) {
      if (prctl(PR_CAPBSET_READ, capability, 0, 0, 0) < 0) {
        return;
      }
      Check(prctl(PR_CAPBSET_DROP, capability, 0, 0, 0), "bounding set", "prctl(PR_CAPBSET_DROP)");
    }
  }

  // Needs CAP_SETPCAP, so before the capabilities go. NOROOT: uid 0 and set-user-id files mean
  // nothing.
  void LockSecurebits() {
    constexpr unsigned long kBits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                                    SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
                                    SECBIT_NO_CAP_AMBIENT_RAISE |
                                    SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
    Check(prctl(PR_SET_SECUREBITS, kBits, 0, 0, 0), "securebits", "prctl(PR_SET_SECUREBITS)");
  }

  void BecomeUser() {
    if (!plan_->deny_setgroups) {
      Check(syscall(SYS_setgroups, 0, nullptr), "groups", "setgroups");
    }
    Check(syscall(SYS_setresgid, plan_->gid, plan_->gid, plan_->gid), "group id", "setresgid");
    Check(syscall(SYS_setresuid, plan_->uid, plan_->uid, plan_->uid), "user id", "setresuid");
  }

  void DropCapabilities() {
    Check(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), "ambient set",
          "prctl(PR_CAP_AMBIENT)");
    __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    const __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
    Check(syscall(SYS_capset, &header, none), "capabilities", "capset");
  }

  // After the last change of ids, which would clear it. The usual check of getppid() says nothing
  // here: a parent outside of the pid namespace reads as 0, dead or alive. So the parent has to
  // answer once more; if it died before the signal was armed, recv sees the end of the socket
  // instead.
  void ArmParentDeathSignal() {
    Check(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "parent death signal",
          "prctl(PR_SET_PDEATHSIG)");
    ChildReport report;
    report.kind = ChildReport::kArmed;
    Check(send(sock_, &report, sizeof(report), MSG_NOSIGNAL), "parent death signal", "send");
    AwaitParent(kExec, "parent death signal");
  }

  [[noreturn]] void Execute() {
    execve(plan_->path.c_str(), plan_->argv_pointers.data(), plan_->env_pointers.data());
    Fail("execute", "execve", errno, plan_->path.c_str());
  }

  JailPlan* plan_;
  int sock_;
};

}  // namespace

void RunJailedChild(JailPlan* plan, int sock, int parent_sock) {
  // Else this process would itself keep the socket open whose end tells it that the parent died.
  close(parent_sock);
  Child(plan, sock).Run();
}

}  // namespace native
