// SPDX-License-Identifier: Apache-2.0
// Typed errors. What users or machines cause is a loongforge::Error with a hint; programmer errors are LF_ASSERT.
#pragma once
#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace loongforge {

/// Exit codes of the programs (128+n: ended by signal n).
enum class ExitCode : int { ok = 0, usage = 2, data = 3, checkpoint = 4, comm = 5, numerics = 6, resource = 7 };

/// Base of all errors that a user can act on. `what()` is one line; `hint()` says what to do (may be empty).
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& what, std::string hint)
      : std::runtime_error(what), code_(code), hint_(std::move(hint)) {}
  ExitCode code() const noexcept { return code_; }
  const std::string& hint() const noexcept { return hint_; }

 private:
  ExitCode code_;
  std::string hint_;
};

template <ExitCode kCode>
class ErrorOf : public Error {
 public:
  explicit ErrorOf(const std::string& what, std::string hint = {}) : Error(kCode, what, std::move(hint)) {}
};
using ConfigError = ErrorOf<ExitCode::usage>;
using DataError = ErrorOf<ExitCode::data>;
using CheckpointError = ErrorOf<ExitCode::checkpoint>;
using CommError = ErrorOf<ExitCode::comm>;
using NumericError = ErrorOf<ExitCode::numerics>;
using ResourceError = ErrorOf<ExitCode::resource>;

[[noreturn]] void assert_failed(const char* expression, const char* file, int line, const std::string& message);

}  // namespace loongforge

/// Programmer error when false: throws std::logic_error naming the place. LF_ASSERT(cond) or LF_ASSERT(cond, "fmt {}", x).
#define LF_ASSERT(cond, ...)                                                                            \
  do {                                                                                                  \
    if (!(cond)) [[unlikely]]                                                                           \
      ::loongforge::assert_failed(#cond, __FILE__, __LINE__, ::loongforge::detail::message(__VA_ARGS__)); \
  } while (false)

namespace loongforge::detail {
inline std::string message() { return {}; }
template <class... Args>
std::string message(fmt::format_string<Args...> format, Args&&... args) {
  return fmt::format(format, std::forward<Args>(args)...);
}
}  // namespace loongforge::detail
