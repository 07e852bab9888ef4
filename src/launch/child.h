// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

namespace loongforge::launch {

/// A file descriptor that closes itself.
class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  ~Fd() { reset(); }
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept;
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release();
  void reset();

 private:
  int fd_;
};

/// What a child process is started from. All made before fork, since after it only async-signal-safe calls are allowed.
struct ChildImage {
  std::string program;                   ///< path
  std::vector<std::string> arguments;    ///< from argv[0] on
  std::vector<std::string> environment;  ///< "NAME=value"
};

/// Finds a program by PATH unless it has a slash. Throws ConfigError when it is not there or not executable.
std::string find_program(const std::string& name);
/// This process's environment with some variables added or replaced.
std::vector<std::string> environment_with(const std::map<std::string, std::string>& added);

/// Starts a child in its own process group that gets SIGKILL when this process ends; `out` and `err` become its streams
/// (-1: inherited). The signal mask of the child is empty. Throws ResourceError.
pid_t start_child(const ChildImage& image, int out, int err);

}  // namespace loongforge::launch
