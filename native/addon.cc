// The export table: nothing but names. addon.d.ts is its typed face.
#include "addon.h"

#include <napi.h>

namespace {

Napi::Object Initialize(Napi::Env env, Napi::Object exports) {
  exports.Set("spawnJailed", Napi::Function::New(env, native::SpawnJailed, "spawnJailed"));
  exports.Set("seccompLoad", Napi::Function::New(env, native::SeccompLoad, "seccompLoad"));
  exports.Set("sendWithFds", Napi::Function::New(env, native::SendWithFds, "sendWithFds"));
  exports.Set("recvWithFds", Napi::Function::New(env, native::RecvWithFds, "recvWithFds"));
  exports.Set("installKickHandler",
              Napi::Function::New(env, native::InstallKickHandler, "installKickHandler"));
  exports.Set("registerVcpuThread",
              Napi::Function::New(env, native::RegisterVcpuThread, "registerVcpuThread"));
  exports.Set("unregisterVcpuThread",
              Napi::Function::New(env, native::UnregisterVcpuThread, "unregisterVcpuThread"));
  exports.Set("kickThread", Napi::Function::New(env, native::KickThread, "kickThread"));
  exports.Set("waitPid", Napi::Function::New(env, native::WaitPid, "waitPid"));
  exports.Set("signalPidfd", Napi::Function::New(env, native::SignalPidfd, "signalPidfd"));
  return exports;
}

}  // namespace

// The addon holds no JavaScript state, so every worker thread may load it as well.
NODE_API_MODULE(crosvm_native, Initialize)
