// The one owner of a file descriptor inside the addon.
#ifndef NATIVE_UNIQUE_FD_H_
#define NATIVE_UNIQUE_FD_H_

#include <unistd.h>

#include <utility>

namespace native {

// Closes its descriptor when it goes out of scope, unless it was released to the caller first.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    reset(other.release());
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1) {
    if (fd_ >= 0) {
      // A failed close leaves nothing to do: Linux has given the number back in every case.
      ::close(fd_);
    }
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

}  // namespace native

#endif  // NATIVE_UNIQUE_FD_H_
