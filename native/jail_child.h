// The child's side of spawnJailed: from clone to exec.
#ifndef NATIVE_JAIL_CHILD_H_
#define NATIVE_JAIL_CHILD_H_

#include "jail_plan.h"

namespace native {

// What the child tells its parent, one message each, over a SOCK_SEQPACKET pair. The two sides are
// the same program, so the record needs no encoding.
struct ChildReport {
  enum Kind : int { kFailed = 1, kArmed = 2 };
  int kind = kFailed;
  int error = 0;
  char step[32] = {};
  char syscall[32] = {};
  char detail[192] = {};
};

// The parent's single-byte answers.
inline constexpr char kGo = 'g';    // the id maps are written
inline constexpr char kExec = 'x';  // the parent is alive and its death signal is armed

// Builds the jail around the calling process and executes the program in it. `sock` is the child's
// end; `parent_sock` the other one, which it inherited too. Never returns: a step that fails is
// reported, then the process ends. Async-signal-safe throughout.
[[noreturn]] void RunJailedChild(JailPlan* plan, int sock, int parent_sock);

}  // namespace native

#endif  // NATIVE_JAIL_CHILD_H_
