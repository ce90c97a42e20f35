// Everything that a jailed child needs to know, laid out before it exists.
//
// Between clone and exec the child may make async-signal-safe calls only, so it may not allocate:
// every path, list and pointer array that it uses is made here, in the parent, and inherited as a
// copy.
#ifndef NATIVE_JAIL_PLAN_H_
#define NATIVE_JAIL_PLAN_H_

#include <napi.h>
#include <sys/resource.h>

#include <cstdint>
#include <string>
#include <vector>

namespace native {

// Where the host's root hangs inside the new one while files are bound from it.
inline constexpr char kOldRoot[] = "/.old";

struct BindMount {
  std::string source;  // below kOldRoot
  std::string target;  // absolute in the new root
  bool directory = false;
  bool executable = false;
  bool writable = false;
};

struct ResourceLimit {
  int resource = 0;
  rlimit limit = {};
};

// A descriptor of the parent and the number under which the child finds it.
struct FdGrant {
  int from = -1;
  int to = -1;
  int staged = -1;  // scratch of the child: a copy out of the way of every `to`
};

struct JailPlan {
  uint64_t namespaces = 0;  // CLONE_NEW* bits
  std::string uid_map;      // as written to /proc/PID/uid_map
  std::string gid_map;
  bool deny_setgroups = true;  // else the child drops its supplementary groups
  uid_t uid = 0;               // inside, at exec
  gid_t gid = 0;
  std::string hostname;
  std::string staging;       // any existing directory: where the root is mounted at first
  std::string staging_old;   // staging + kOldRoot
  std::string root_options;  // mount options of the tmpfs root
  std::vector<std::string> directories;  // to make in the new root, parents first
  std::vector<BindMount> mounts;
  std::vector<ResourceLimit> rlimits;
  std::vector<FdGrant> fds;  // sorted by `to`
  std::string path;          // what to execute, in the new root
  std::vector<std::string> argv;
  std::vector<std::string> env;
  std::vector<char*> argv_pointers;  // NULL-terminated, into argv
  std::vector<char*> env_pointers;
};

// Reads and checks the options of spawnJailed. On failure `sentence` says which one is wrong and
// how.
bool ReadJailPlan(Napi::Value options, JailPlan* plan, std::string* sentence);

}  // namespace native

#endif  // NATIVE_JAIL_PLAN_H_
