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
#include <vector>

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

// Sends one answer. A child that is gone will be noticed when it is listened to.
std::optional<Failure> Answer(int sock, char answer) {
  if (send(sock, &answer, sizeof(answer), MSG_NOSIGNAL) < 0 && errno != EPIPE) {
    return LastFailure("build the jail", "send");
  }
  return std::nullopt;
}

// Returns the bytes received: 0 when the child's end was closed, by exec or by death.
ssize_t Listen(int sock, ChildReport* report) {
  ssize_t got = -1;
  do {
    got = recv(sock, report, sizeof(*report), 0);
  } while (got < 0 && errno == EINTR);
  return got;
}

pid_t CloneChild(const JailPlan& plan, int* pidfd) {
  clone_args args = {};
  args.flags = plan.namespaces | CLONE_PIDFD;
  args.pidfd = reinterpret_cast<uint64_t>(pidfd);
  args.exit_signal = SIGCHLD;
  return static_cast<pid_t>(syscall(SYS_clone3, &args, sizeof(args)));
}

// One child on its way. Dies with this object unless it was released.
class Launch {
 public:
  Launch() = default;

  // Clones the child and lets it build its jail.
  std::optional<Failure> Begin(JailPlan* plan) {
    int pair[2] = {-1, -1};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
      return LastFailure("report socket", "socketpair");
    }
    sock_.reset(pair[0]);
    UniqueFd child_sock(pair[1]);
    if (setsockopt(sock_.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof(kPatience)) != 0) {
      return LastFailure("report socket", "setsockopt");
    }
    int pidfd = -1;
    pid_t pid = -1;
    int clone_error = 0;
    {
      const SignalsBlocked blocked;
      pid = CloneChild(*plan, &pidfd);
      if (pid == 0) {
        RunJailedChild(plan, child_sock.get(), sock_.get());
      }
      clone_error = errno;
    }
    if (pid < 0) {
      return Failure{"clone3", "clone3", clone_error};
    }
    child_.emplace(pid, UniqueFd(pidfd));
    if (auto failure = WriteIdMaps(*plan, pid)) {
      return failure;
    }
    return Answer(sock_.get(), kGo);
  }

  // Waits for the jail, then lets the child execute its program.
  std::optional<Failure> Proceed() {
    ChildReport report;
    const ssize_t armed = Listen(sock_.get(), &report);
    if (armed < 0) {
      return LastFailure("build the jail", "recv");
    }
    if (armed == 0) {
      return Failure{"build the jail", "recv", EPIPE, "the child died"};
    }
    if (report.kind != ChildReport::kArmed) {
      return FromReport(&report);
    }
    return Answer(sock_.get(), kExec);
  }

  // Waits for the end of the socket, which means that exec has closed the child's copy.
  std::optional<Failure> Finish() {
    ChildReport report;
    const ssize_t executed = Listen(sock_.get(), &report);
    if (executed < 0) {
      return LastFailure("execute", "recv");
    }
    return executed == 0 ? std::nullopt : std::optional<Failure>(FromReport(&report));
  }

  // Hands the child over to the caller.
  Napi::Object Release(Napi::Env env) {
    Napi::Object result = Napi::Object::New(env);
    result.Set("pid", Napi::Number::New(env, child_->pid()));
    result.Set("pidfd", Napi::Number::New(env, child_->pidfd()));
    child_->Release();
    return result;
  }

 private:
  UniqueFd sock_;
  std::optional<PendingChild> child_;
};

// Each step for all children before the next one: their jails are built side by side.
std::optional<Failure> LaunchAll(std::vector<JailPlan>* plans, std::vector<Launch>* launches) {
  for (size_t i = 0; i < plans->size(); i++) {
    if (auto failure = (*launches)[i].Begin(&(*plans)[i])) {
      return failure;
    }
  }
  for (Launch& launch : *launches) {
    if (auto failure = launch.Proceed()) {
      return failure;
    }
  }
  for (Launch& launch : *launches) {
    if (auto failure = launch.Finish()) {
      return failure;
    }
  }
  return std::nullopt;
}

}  // namespace

Napi::Value SpawnJailed(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsArray()) {
    return ThrowBadArgument(env, "spawnJailed: the plans must be an array");
  }
  const auto list = info[0].As<Napi::Array>();
  std::vector<JailPlan> plans(list.Length());
  for (uint32_t i = 0; i < list.Length(); i++) {
    std::string sentence;
    if (!ReadJailPlan(list.Get(i), &plans[i], &sentence)) {
      return ThrowBadArgument(env, "spawnJailed: " + sentence);
    }
  }
  std::vector<Launch> launches(plans.size());
  if (const auto failure = LaunchAll(&plans, &launches)) {
    return ThrowFailure(env, *failure);
  }
  Napi::Array children = Napi::Array::New(env, launches.size());
  for (uint32_t i = 0; i < launches.size(); i++) {
    children.Set(i, launches[i].Release(env));
  }
  return children;
}

}  // namespace native
