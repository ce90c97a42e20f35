// The end of a child process: signals by pidfd, and waitid(2).
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

#include "addon.h"
#include "napi_util.h"

namespace native {

namespace {

const char* StateName(int code) {
  switch (code) {
    case CLD_EXITED:
      return "exited";
    case CLD_KILLED:
    case CLD_DUMPED:
      return "signaled";
    default:
      return "running";
  }
}

}  // namespace

Napi::Value WaitPid(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  int pid = 0;
  if (!ReadInt(info[0], 1, INT_MAX, &pid) || !info[1].IsBoolean()) {
    return ThrowBadArgument(env, "waitPid: takes a process id and a boolean");
  }
  const bool nohang = info[1].As<Napi::Boolean>();
  siginfo_t status = {};
  int result = -1;
  do {
    // Its own pid, not "any child": libuv waits for the children that it made itself.
    result = waitid(P_PID, static_cast<id_t>(pid), &status, WEXITED | (nohang ? WNOHANG : 0));
  } while (result != 0 && errno == EINTR);
  if (result != 0) {
    return ThrowFailure(env, {"waitPid", "waitid", errno, "process " + std::to_string(pid)});
  }
  // WNOHANG and nothing to tell: si_pid stays 0.
  const int code = status.si_pid == 0 ? 0 : status.si_code;
  Napi::Object object = Napi::Object::New(env);
  object.Set("state", Napi::String::New(env, StateName(code)));
  object.Set("status", Napi::Number::New(env, code == 0 ? 0 : status.si_status));
  return object;
}

Napi::Value SignalPidfd(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  int pidfd = -1;
  int signal_number = 0;
  if (!ReadFd(info[0], &pidfd) || !ReadInt(info[1], 0, SIGRTMAX, &signal_number)) {
    return ThrowBadArgument(env, "signalPidfd: takes a pidfd and a signal number");
  }
  if (syscall(SYS_pidfd_send_signal, pidfd, signal_number, nullptr, 0) != 0) {
    return ThrowFailure(env, {"signalPidfd", "pidfd_send_signal", errno});
  }
  return env.Undefined();
}

}  // namespace native
