// The functions that addon.cc exports, one .cc each concern; addon.d.ts documents their arguments.
#ifndef NATIVE_ADDON_H_
#define NATIVE_ADDON_H_

#include <napi.h>

namespace native {

// jailed_spawn.cc
Napi::Value SpawnJailed(const Napi::CallbackInfo& info);
// seccomp_load.cc
Napi::Value SeccompLoad(const Napi::CallbackInfo& info);
// scm_rights.cc
Napi::Value SendWithFds(const Napi::CallbackInfo& info);
Napi::Value RecvWithFds(const Napi::CallbackInfo& info);
// vcpu_kick.cc
Napi::Value InstallKickHandler(const Napi::CallbackInfo& info);
Napi::Value RegisterVcpuThread(const Napi::CallbackInfo& info);
Napi::Value UnregisterVcpuThread(const Napi::CallbackInfo& info);
Napi::Value KickThread(const Napi::CallbackInfo& info);
// process.cc
Napi::Value WaitPid(const Napi::CallbackInfo& info);
Napi::Value SignalPidfd(const Napi::CallbackInfo& info);

}  // namespace native

#endif  // NATIVE_ADDON_H_
