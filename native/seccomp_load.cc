// seccomp(2): installs a compiled filter on every thread of this process.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "addon.h"
#include "napi_util.h"

#ifndef SECCOMP_FILTER_FLAG_TSYNC_ESRCH
#define SECCOMP_FILTER_FLAG_TSYNC_ESRCH (1UL << 4)
#endif

namespace native {

namespace {

// The program leaves JavaScript's memory before the kernel reads it, so that it is aligned, and
// nobody (a worker with a shared buffer) changes it between our checks and the kernel's.
bool ReadProgram(Napi::Value value, std::vector<sock_filter>* program) {
  std::span<uint8_t> bytes;
  if (!ReadBytes(value, &bytes) || bytes.empty() || bytes.size() % sizeof(sock_filter) != 0 ||
      bytes.size() / sizeof(sock_filter) > BPF_MAXINSNS) {
    return false;
  }
  program->resize(bytes.size() / sizeof(sock_filter));
  std::memcpy(program->data(), bytes.data(), bytes.size());
  return true;
}

}  // namespace

Napi::Value SeccompLoad(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  std::vector<sock_filter> program;
  if (!ReadProgram(info[0], &program)) {
    return ThrowBadArgument(
        env, "seccompLoad: program must be a Uint8Array of 1 to 4096 instructions of 8 bytes");
  }
  if (!info[1].IsObject()) {
    return ThrowBadArgument(env, "seccompLoad: options must be an object");
  }
  const Napi::Object options = info[1].As<Napi::Object>();
  const bool new_listener = options.Get("newListener").ToBoolean();
  unsigned int flags = SECCOMP_FILTER_FLAG_TSYNC;
  if (new_listener) {
    // A success returns a descriptor, so a thread that cannot follow must be told by errno, not by
    // its id.
    flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC_ESRCH;
  }
  if (options.Get("log").ToBoolean()) {
    flags |= SECCOMP_FILTER_FLAG_LOG;
  }
  // Without it the kernel would want CAP_SYS_ADMIN here, and let a set-user-id program out of the
  // filter.
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return ThrowFailure(env, {"seccompLoad", "prctl(PR_SET_NO_NEW_PRIVS)", errno});
  }
  sock_fprog prog = {static_cast<unsigned short>(program.size()), program.data()};
  const long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
  if (result < 0) {
    return ThrowFailure(env, {"seccompLoad", "seccomp(SECCOMP_SET_MODE_FILTER)", errno});
  }
  if (!new_listener && result > 0) {
    // TSYNC without ESRCH names the thread that has a filter of its own and would not follow.
    return ThrowFailure(env, {"seccompLoad", "seccomp(SECCOMP_SET_MODE_FILTER)", ESRCH,
                              "thread " + std::to_string(result)});
  }
  return Napi::Number::New(env, new_listener ? static_cast<double>(result) : -1.0);
}

}  // namespace native
