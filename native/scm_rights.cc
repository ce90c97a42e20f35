// sendmsg(2) and recvmsg(2) with SCM_RIGHTS: file descriptors that cross a process boundary.
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <vector>

#include "addon.h"
#include "napi_util.h"
#include "unique_fd.h"

namespace native {

namespace {

// SCM_MAX_FD of the kernel: more in one message fails with EINVAL.
constexpr size_t kMaxFds = 253;

struct alignas(cmsghdr) ControlBuffer {
  std::array<std::byte, CMSG_SPACE(kMaxFds * sizeof(int))> bytes;
};

bool ReadFds(Napi::Value value, std::vector<int>* fds) {
  if (!value.IsArray() || value.As<Napi::Array>().Length() > kMaxFds) {
    return false;
  }
  const Napi::Array array = value.As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); i++) {
    int fd = -1;
    if (!ReadFd(array.Get(i), &fd)) {
      return false;
    }
    fds->push_back(fd);
  }
  return true;
}

void AttachFds(msghdr* message, ControlBuffer* control, const std::vector<int>& fds) {
  const size_t payload = fds.size() * sizeof(int);
  message->msg_control = control->bytes.data();
  message->msg_controllen = CMSG_SPACE(payload);
  cmsghdr* header = CMSG_FIRSTHDR(message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(payload);
  std::memcpy(CMSG_DATA(header), fds.data(), payload);
}

// Takes every descriptor of a received message, also those that the caller will refuse.
std::vector<UniqueFd> TakeFds(msghdr* message) {
  std::vector<UniqueFd> fds;
  for (cmsghdr* header = CMSG_FIRSTHDR(message); header != nullptr;
       header = CMSG_NXTHDR(message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) {
      continue;
    }
    const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
      fds.emplace_back(fd);
    }
  }
  return fds;
}

}  // namespace

Napi::Value SendWithFds(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  int sock = -1;
  std::span<uint8_t> data;
  std::vector<int> fds;
  if (!ReadFd(info[0], &sock) || !ReadBytes(info[1], &data) || !ReadFds(info[2], &fds)) {
    return ThrowBadArgument(
        env, "sendWithFds: takes a descriptor, a Uint8Array and at most 253 descriptors");
  }
  iovec part = {data.data(), data.size()};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  ControlBuffer control = {};
  if (!fds.empty()) {
    AttachFds(&message, &control, fds);
  }
  ssize_t sent = -1;
  do {
    sent = sendmsg(sock, &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) {
    return ThrowFailure(env, {"sendWithFds", "sendmsg", errno});
  }
  return Napi::Number::New(env, static_cast<double>(sent));
}

Napi::Value RecvWithFds(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  int sock = -1;
  int max_fds = 0;
  std::span<uint8_t> buffer;
  if (!ReadFd(info[0], &sock) || !ReadBytes(info[1], &buffer) ||
      !ReadInt(info[2], 0, static_cast<int>(kMaxFds), &max_fds)) {
    return ThrowBadArgument(
        env, "recvWithFds: takes a descriptor, a Uint8Array and a count from 0 to 253");
  }
  iovec part = {buffer.data(), buffer.size()};
  ControlBuffer control = {};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = max_fds == 0 ? nullptr : control.bytes.data();
  message.msg_controllen =
      max_fds == 0 ? 0 : CMSG_SPACE(static_cast<size_t>(max_fds) * sizeof(int));
  ssize_t received = -1;
  do {
    received = recvmsg(sock, &message, MSG_CMSG_CLOEXEC);
  } while (received < 0 && errno == EINTR);
  if (received < 0 && errno == EAGAIN) {
    // The usual answer of a non-blocking socket, not worth an exception.
    return env.Undefined();
  }
  if (received < 0) {
    return ThrowFailure(env, {"recvWithFds", "recvmsg", errno});
  }
  std::vector<UniqueFd> fds = TakeFds(&message);
  // CMSG_SPACE rounds up to 8 bytes, so the kernel may deliver one descriptor more than was asked
  // for.
  const bool truncated = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 ||
                         fds.size() > static_cast<size_t>(max_fds);
  Napi::Object result = Napi::Object::New(env);
  Napi::Array numbers = Napi::Array::New(env);
  if (!truncated) {
    for (uint32_t i = 0; i < fds.size(); i++) {
      numbers.Set(i, Napi::Number::New(env, fds[i].get()));
    }
  }
  result.Set("bytes", Napi::Number::New(env, static_cast<double>(received)));
  result.Set("fds", numbers);
  result.Set("truncated", Napi::Boolean::New(env, truncated));
  if (!truncated && !env.IsExceptionPending()) {
    for (UniqueFd& fd : fds) {
      fd.release();
    }
  }
  return result;
}

}  // namespace native
