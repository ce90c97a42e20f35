#include "napi_util.h"

#include <climits>
#include <cmath>
#include <cstring>

namespace native {

Napi::Value ThrowFailure(Napi::Env env, const Failure& failure) {
  std::string message = failure.step;
  if (!failure.detail.empty()) {
    message += " (" + failure.detail + ")";
  }
  message += ": " + failure.syscall + ": " + std::strerror(failure.error);
  Napi::Error error = Napi::Error::New(env, message);
  error.Set("step", Napi::String::New(env, failure.step));
  error.Set("syscall", Napi::String::New(env, failure.syscall));
  error.Set("errno", Napi::Number::New(env, failure.error));
  error.Set("detail", Napi::String::New(env, failure.detail));
  error.ThrowAsJavaScriptException();
  return env.Undefined();
}

Napi::Value ThrowBadArgument(Napi::Env env, const std::string& sentence) {
  Napi::TypeError::New(env, sentence).ThrowAsJavaScriptException();
  return env.Undefined();
}

bool ReadInteger(Napi::Value value, int64_t min, int64_t max, int64_t* out) {
  if (!value.IsNumber()) {
    return false;
  }
  const double number = value.As<Napi::Number>().DoubleValue();
  // Compared as doubles first: converting one that is out of range is undefined behaviour.
  if (std::trunc(number) != number || number < static_cast<double>(min) ||
      number > static_cast<double>(max)) {
    return false;
  }
  *out = static_cast<int64_t>(number);
  return true;
}

bool ReadInt(Napi::Value value, int min, int max, int* out) {
  int64_t wide = 0;
  if (!ReadInteger(value, min, max, &wide)) {
    return false;
  }
  *out = static_cast<int>(wide);
  return true;
}

bool ReadFd(Napi::Value value, int* out) { return ReadInt(value, 0, INT_MAX, out); }

bool ReadString(Napi::Value value, std::string* out) {
  if (!value.IsString()) {
    return false;
  }
  *out = value.As<Napi::String>().Utf8Value();
  return out->find('\0') == std::string::npos;
}

bool ReadStringArray(Napi::Value value, std::vector<std::string>* out) {
  if (!value.IsArray()) {
    return false;
  }
  const Napi::Array array = value.As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); i++) {
    std::string text;
    if (!ReadString(array.Get(i), &text)) {
      return false;
    }
    out->push_back(std::move(text));
  }
  return true;
}

bool ReadBytes(Napi::Value value, std::span<uint8_t>* out) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    return false;
  }
  Napi::Uint8Array array = value.As<Napi::Uint8Array>();
  *out = std::span<uint8_t>(array.Data(), array.ByteLength());
  return true;
}

}  // namespace native
