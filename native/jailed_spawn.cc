// The parent's side of spawnJailed: clone3(2), id maps, and the two handshakes with the child.
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>

#include "addon.h"
#include "jail_child.h"
#include "jail_plan.h"
#include "napi_util.h"
#include "unique_fd.h"

namespace native {

namespace {

// A child that takes longer hangs, on a dead network file system for instance; it usually needs 2
// ms.
constexpr timeval kPatience = {.tv_sec = 10, .tv_usec = 0};

// Holds back every signal of this thread, so that no handler of Node runs in the child.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_ = {};
};

// A child that has not been handed to the caller yet: dies, and is reaped, with its owner.
class PendingChild {
 public:
  PendingChild(pid_t pid, UniqueFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  PendingChild(const PendingChild&) = delete;
  PendingChild& operator=(const PendingChild&) = delete;
  ~PendingChild() {
    if (pid_ > 0) {
      syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0);
      while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
      }
    }
  }

  pid_t pid() const { return pid_; }
  int pidfd() const { return pidfd_.get(); }
  void Release() {
    pid_ = -1;
    pidfd_.release();
  }

 private:
  pid_t pid_;
  UniqueFd pidfd_;
};

Failure LastFailure(const char* step, const char* syscall_name) {
  return {step, syscall_name, errno};
}

std::optional<Failure> WriteProc(pid_t pid, const char* name, const std::string& text) {
  const std::string path = "/proc/" + std::to_string(pid) + "/" + name;
  const UniqueFd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file.valid()) {
    return Failure{name, "open", errno, path};
  }
  // One write: the kernel takes a map whole or not at all.
  if (write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return Failure{name, "write", errno, text};
  }
  return std::nullopt;
}

std::optional<Failure> WriteIdMaps(const JailPlan& plan, pid_t pid) {
  // An ordinary user may write gid_map only after giving up setgroups, which could drop a group
  // that a file's mode denies something to.
  if (plan.deny_setgroups) {
    if (auto failure = WriteProc(pid, "setgroups", "deny")) {
      return failure;
    }
  }
  if (auto failure = WriteProc(pid, "gid_map", plan.gid_map)) {
    return failure;
  }
  return WriteProc(pid, "uid_map", plan.uid_map);
}

Failure FromReport(ChildReport* report) {
  report->step[sizeof(report->step) - 1] = '\0';
  report->syscall[sizeof(report->syscall) - 1] = '\0';
  report->detail[sizeof(report->detail) - 1] = '\0';
  return {report->step, report->syscall, report->error, report->detail};
}

// Sends one answer and waits for what the child says next.
// Returns the bytes received: 0 when the child's end was closed, by exec or by death.
ssize_t Exchange(int sock, char answer, ChildReport* report) {
  if (send(sock, &answer, sizeof(answer), MSG_NOSIGNAL) < 0 && errno != EPIPE) {
    return -1;
  }
  ssize_t got = -1;
  do {
    got = recv(sock, report, sizeof(*report), 0);
  } while (got < 0 && errno == EINTR);
  return got;
}

std::optional<Failure> LeadChild(const JailPlan& plan, pid_t pid, int sock) {
  if (auto failure = WriteIdMaps(plan, pid)) {
    return failure;
  }
  ChildReport report;
  const ssize_t armed = Exchange(sock, kGo, &report);
  if (armed < 0) {
    return LastFailure("build the jail", "recv");
  }
  if (armed == 0) {
    return Failure{"build the jail", "recv", EPIPE, "the child died"};
  }
  if (report.kind != ChildReport::kArmed) {
    return FromReport(&report);
  }
  // The end of the socket means that exec closed the child's copy.
  const ssize_t executed = Exchange(sock, kExec, &report);
  if (executed < 0) {
    return LastFailure("execute", "recv");
  }
  return executed == 0 ? std::nullopt : std::optional<Failure>(FromReport(&report));
}

pid_t CloneChild(const JailPlan& plan, int* pidfd) {
  clone_args args = {};
  args.flags = plan.namespaces | CLONE_PIDFD;
  args.pidfd = reinterpret_cast<uint64_t>(pidfd);
  args.exit_signal = SIGCHLD;
  return static_cast<pid_t>(syscall(SYS_clone3, &args, sizeof(args)));
}

}  // namespace

Napi::Value SpawnJailed(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  JailPlan plan;
  std::string sentence;
  if (!ReadJailPlan(info[0], &plan, &sentence)) {
    return ThrowBadArgument(env, "spawnJailed: " + sentence);
  }
  int pair[2] = {-1, -1};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
    return ThrowFailure(env, LastFailure("report socket", "socketpair"));
  }
  const UniqueFd sock(pair[0]);
  UniqueFd child_sock(pair[1]);
  if (setsockopt(sock.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof(kPatience)) != 0) {
    return ThrowFailure(env, LastFailure("report socket", "setsockopt"));
  }
  int pidfd = -1;
  pid_t pid = -1;
  int clone_error = 0;
  {
    const SignalsBlocked blocked;
    pid = CloneChild(plan, &pidfd);
    if (pid == 0) {
      RunJailedChild(&plan, child_sock.get(), sock.get());
    }
    clone_error = errno;
  }
  if (pid < 0) {
    return ThrowFailure(env, {"clone3", "clone3", clone_error});
  }
  child_sock.reset();
  PendingChild child(pid, UniqueFd(pidfd));
  if (const auto failure = LeadChild(plan, pid, sock.get())) {
    return ThrowFailure(env, *failure);
  }
  Napi::Object result = Napi::Object::New(env);
  result.Set("pid", Napi::Number::New(env, child.pid()));
  result.Set("pidfd", Napi::Number::New(env, child.pidfd()));
  child.Release();
  return result;
}

}  // namespace native
