// Conversions between JavaScript values and C++ ones, and the two ways in which an export fails.
//
// Exceptions are off: a function that threw into JavaScript returns at once and its value is
// ignored.
#ifndef NATIVE_NAPI_UTIL_H_
#define NATIVE_NAPI_UTIL_H_

#include <napi.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace native {

// A system call that failed: what was being attempted, the call, its errno, and the object
// concerned.
struct Failure {
  std::string step;
  std::string syscall;
  int error = 0;
  std::string detail = {};
};

// Throws an Error with the properties `step`, `syscall`, `errno` (positive) and `detail`.
Napi::Value ThrowFailure(Napi::Env env, const Failure& failure);

// Throws a TypeError. The sentence names the argument and what it has to be.
Napi::Value ThrowBadArgument(Napi::Env env, const std::string& sentence);

// Each reader returns false, without throwing, when the value is not of the type or range asked
// for.
bool ReadInteger(Napi::Value value, int64_t min, int64_t max, int64_t* out);
bool ReadInt(Napi::Value value, int min, int max, int* out);
bool ReadFd(Napi::Value value, int* out);
// Strings with an embedded NUL are refused: the kernel would see a shorter one.
bool ReadString(Napi::Value value, std::string* out);
bool ReadStringArray(Napi::Value value, std::vector<std::string>* out);
// The bytes of a Uint8Array, borrowed: valid until the export returns.
bool ReadBytes(Napi::Value value, std::span<uint8_t>* out);

}  // namespace native

#endif  // NATIVE_NAPI_UTIL_H_
