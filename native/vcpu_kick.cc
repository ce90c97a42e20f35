// Gets a vCPU thread out of KVM_RUN.
//
// A signal alone leaves a window: it may arrive just before KVM_RUN is entered. So the handler also
// sets kvm_run.immediate_exit of its own thread, and a KVM_RUN that starts after it returns EINTR
// at once (KVM API §5, "immediate_exit"). The run loop clears the byte when it has seen the reason
// for the kick.
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>

#include "addon.h"
#include "napi_util.h"

namespace native {

namespace {

// SAFETY: initial-exec, because the first access to dynamic TLS of a loaded library may allocate,
// which a signal handler must not. One pointer fits into the space that the dynamic linker keeps
// for this.
__attribute__((tls_model("initial-exec"))) thread_local volatile uint8_t* t_immediate_exit =
    nullptr;

std::atomic<int> g_kick_signal{0};

// User addresses on x86-64 end here.
constexpr int64_t kUserAddressEnd = int64_t{1} << 47;

void OnKick(int) {
  if (t_immediate_exit != nullptr) {
    *t_immediate_exit = 1;
  }
}

}  // namespace

Napi::Value InstallKickHandler(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  int signal_number = 0;
  if (!ReadInt(info[0], SIGRTMIN, SIGRTMAX, &signal_number)) {
    return ThrowBadArgument(env, "installKickHandler: signal must be a real-time signal");
  }
  struct sigaction action = {};
  action.sa_handler = OnKick;
  sigemptyset(&action.sa_mask);
  // No SA_RESTART: the interrupted ioctl has to return. A blocked or inherited mask would hold
  // kicks back.
  if (sigaction(signal_number, &action, nullptr) != 0) {
    return ThrowFailure(env, {"installKickHandler", "sigaction", errno});
  }
  g_kick_signal.store(signal_number);
  return env.Undefined();
}

Napi::Value RegisterVcpuThread(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  int64_t address = 0;
  if (!ReadInteger(info[0], 1, kUserAddressEnd - 1, &address)) {
    return ThrowBadArgument(env, "registerVcpuThread: address must be that of a mapped byte");
  }
  const int signal_number = g_kick_signal.load();
  if (signal_number == 0) {
    return ThrowBadArgument(env, "registerVcpuThread: installKickHandler has to come first");
  }
  sigset_t kick;
  sigemptyset(&kick);
  sigaddset(&kick, signal_number);
  const int error = pthread_sigmask(SIG_UNBLOCK, &kick, nullptr);
  if (error != 0) {
    return ThrowFailure(env, {"registerVcpuThread", "pthread_sigmask", error});
  }
  // SAFETY: the caller owns the mapping (kvm_run of this thread's vCPU), which lasts until process
  // exit.
  t_immediate_exit = reinterpret_cast<volatile uint8_t*>(address);
  return Napi::Number::New(env, static_cast<double>(syscall(SYS_gettid)));
}

Napi::Value UnregisterVcpuThread(const Napi::CallbackInfo& info) {
  t_immediate_exit = nullptr;
  return info.Env().Undefined();
}

Napi::Value KickThread(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  int tid = 0;
  if (!ReadInt(info[0], 1, INT_MAX, &tid)) {
    return ThrowBadArgument(env, "kickThread: tid must be a thread id");
  }
  const int signal_number = g_kick_signal.load();
  if (signal_number == 0) {
    return ThrowBadArgument(env, "kickThread: installKickHandler has to come first");
  }
  // tgkill, not tkill: a recycled thread id of another process must not be hit.
  if (syscall(SYS_tgkill, getpid(), tid, signal_number) != 0) {
    return ThrowFailure(env, {"kickThread", "tgkill", errno, "thread " + std::to_string(tid)});
  }
  return env.Undefined();
}

}  // namespace native
