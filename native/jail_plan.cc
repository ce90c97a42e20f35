#include "jail_plan.h"

#include <sched.h>

#include <algorithm>
#include <climits>

#include "napi_util.h"

namespace native {

namespace {

constexpr uint64_t kNamespaceBits = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET |
                                    CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
// Mounting and pivoting outside of them would rearrange the host.
constexpr uint64_t kRequiredNamespaces = CLONE_NEWUSER | CLONE_NEWNS;
constexpr int kHighestChildFd = 255;
constexpr int64_t kMaxSafeInteger = (int64_t{1} << 53) - 1;

bool IsPlainAbsolutePath(const std::string& path) {
  if (path.size() < 2 || path.front() != '/' || path.back() == '/' || path.size() >= PATH_MAX) {
    return false;
  }
  return (path + "/").find("/../") == std::string::npos &&
         (path + "/").find("/./") == std::string::npos && path.find("//") == std::string::npos;
}

void AddParents(const std::string& target, std::vector<std::string>* directories) {
  for (size_t slash = target.find('/', 1); slash != std::string::npos;
       slash = target.find('/', slash + 1)) {
    std::string parent = target.substr(0, slash);
    if (std::find(directories->begin(), directories->end(), parent) == directories->end()) {
      directories->push_back(std::move(parent));
    }
  }
}

bool ReadMounts(Napi::Value value, JailPlan* plan) {
  if (!value.IsArray()) {
    return false;
  }
  const Napi::Array array = value.As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); i++) {
    const Napi::Value item = array.Get(i);
    if (!item.IsObject()) {
      return false;
    }
    const Napi::Object object = item.As<Napi::Object>();
    BindMount mount;
    if (!ReadString(object.Get("source"), &mount.source) ||
        !ReadString(object.Get("target"), &mount.target) || !IsPlainAbsolutePath(mount.source) ||
        !IsPlainAbsolutePath(mount.target) || mount.target.starts_with(kOldRoot)) {
      return false;
    }
    mount.source.insert(0, kOldRoot);
    mount.directory = object.Get("directory").ToBoolean();
    mount.executable = object.Get("executable").ToBoolean();
    mount.writable = object.Get("writable").ToBoolean();
    AddParents(mount.target, &plan->directories);
    plan->mounts.push_back(std::move(mount));
  }
  return true;
}

// RLIM_INFINITY reads as -1.
bool ReadLimit(Napi::Value value, rlim_t* out) {
  int64_t limit = 0;
  if (!ReadInteger(value, -1, kMaxSafeInteger, &limit)) {
    return false;
  }
  *out = limit == -1 ? RLIM_INFINITY : static_cast<rlim_t>(limit);
  return true;
}

bool ReadRlimits(Napi::Value value, std::vector<ResourceLimit>* limits) {
  if (!value.IsArray()) {
    return false;
  }
  const Napi::Array array = value.As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); i++) {
    const Napi::Value item = array.Get(i);
    ResourceLimit entry;
    if (!item.IsObject()) {
      return false;
    }
    const Napi::Object object = item.As<Napi::Object>();
    if (!ReadInt(object.Get("resource"), 0, RLIM_NLIMITS - 1, &entry.resource) ||
        !ReadLimit(object.Get("soft"), &entry.limit.rlim_cur) ||
        !ReadLimit(object.Get("hard"), &entry.limit.rlim_max)) {
      return false;
    }
    limits->push_back(entry);
  }
  return true;
}

bool ReadGrants(Napi::Value value, std::vector<FdGrant>* fds) {
  if (!value.IsArray()) {
    return false;
  }
  const Napi::Array array = value.As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); i++) {
    const Napi::Value item = array.Get(i);
    FdGrant grant;
    if (!item.IsObject() || !ReadFd(item.As<Napi::Object>().Get("from"), &grant.from) ||
        !ReadInt(item.As<Napi::Object>().Get("to"), 0, kHighestChildFd, &grant.to)) {
      return false;
    }
    fds->push_back(grant);
  }
  std::sort(fds->begin(), fds->end(),
            [](const FdGrant& a, const FdGrant& b) { return a.to < b.to; });
  const auto twice = std::adjacent_find(
      fds->begin(), fds->end(), [](const FdGrant& a, const FdGrant& b) { return a.to == b.to; });
  return twice == fds->end();
}

std::vector<char*> PointersTo(std::vector<std::string>* strings) {
  std::vector<char*> pointers;
  for (std::string& text : *strings) {
    pointers.push_back(text.data());
  }
  pointers.push_back(nullptr);
  return pointers;
}

bool ReadIdentity(const Napi::Object& object, JailPlan* plan) {
  int uid = 0;
  int gid = 0;
  if (!ReadString(object.Get("uidMap"), &plan->uid_map) ||
      !ReadString(object.Get("gidMap"), &plan->gid_map) || plan->uid_map.empty() ||
      plan->gid_map.empty() || !ReadInt(object.Get("uid"), 0, INT_MAX, &uid) ||
      !ReadInt(object.Get("gid"), 0, INT_MAX, &gid)) {
    return false;
  }
  plan->uid = static_cast<uid_t>(uid);
  plan->gid = static_cast<gid_t>(gid);
  plan->deny_setgroups = object.Get("denySetgroups").ToBoolean();
  return true;
}

bool ReadRoot(const Napi::Object& object, JailPlan* plan) {
  int64_t size = 0;
  if (!ReadString(object.Get("stagingDirectory"), &plan->staging) ||
      !IsPlainAbsolutePath(plan->staging) ||
      !ReadInteger(object.Get("rootSizeBytes"), 4096, kMaxSafeInteger, &size)) {
    return false;
  }
  plan->staging_old = plan->staging + kOldRoot;
  plan->root_options = "mode=0755,size=" + std::to_string(size);
  return true;
}

bool ReadProgram(const Napi::Object& object, JailPlan* plan) {
  if (!ReadString(object.Get("path"), &plan->path) || !IsPlainAbsolutePath(plan->path) ||
      !ReadStringArray(object.Get("argv"), &plan->argv) || plan->argv.empty() ||
      !ReadStringArray(object.Get("env"), &plan->env)) {
    return false;
  }
  plan->argv_pointers = PointersTo(&plan->argv);
  plan->env_pointers = PointersTo(&plan->env);
  return true;
}

}  // namespace

bool ReadJailPlan(Napi::Value options, JailPlan* plan, std::string* sentence) {
  if (!options.IsObject()) {
    *sentence = "options must be an object";
    return false;
  }
  const Napi::Object object = options.As<Napi::Object>();
  int64_t namespaces = 0;
  *sentence = "";
  if (!ReadInteger(object.Get("namespaces"), 0, UINT32_MAX, &namespaces) ||
      (static_cast<uint64_t>(namespaces) & ~kNamespaceBits) != 0 ||
      (static_cast<uint64_t>(namespaces) & kRequiredNamespaces) != kRequiredNamespaces) {
    *sentence = "namespaces must be CLONE_NEW* bits, CLONE_NEWUSER and CLONE_NEWNS among them";
  } else if (!ReadIdentity(object, plan)) {
    *sentence = "uidMap and gidMap must be lines for /proc/PID/uid_map, uid and gid numbers";
  } else if (!ReadString(object.Get("hostname"), &plan->hostname) || plan->hostname.size() > 64) {
    *sentence = "hostname must be a string of at most 64 bytes";
  } else if (!ReadRoot(object, plan)) {
    *sentence = "stagingDirectory must be an absolute path, rootSizeBytes at least 4096";
  } else if (!ReadMounts(object.Get("mounts"), plan)) {
    *sentence = "mounts must be {source, target} with absolute, normalized paths";
  } else if (!ReadRlimits(object.Get("rlimits"), &plan->rlimits)) {
    *sentence = "rlimits must be {resource, soft, hard}, -1 standing for no limit";
  } else if (!ReadGrants(object.Get("fds"), &plan->fds)) {
    *sentence = "fds must be {from, to} with every `to` once and from 0 to 255";
  } else if (!ReadProgram(object, plan)) {
    *sentence = "path must be absolute, argv a non-empty and env any list of strings";
  }
  plan->namespaces = static_cast<uint64_t>(namespaces);
  return sentence->empty();
}

}  // namespace native
