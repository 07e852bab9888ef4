// SPDX-License-Identifier: Apache-2.0
#include "launch/child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <utility>

#include "loongforge/core/error.h"

extern char** environ;

namespace loongforge::launch {
namespace {

constexpr int kCannotExec = 127;

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (const auto& text : strings) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

[[noreturn]] void run_child(const ChildImage& image, char* const* argv, char* const* envp, pid_t parent, int out,
                            int err) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // The parent may have died before prctl took effect.
  if (::getppid() != parent) ::_exit(kCannotExec);
  if (out >= 0) ::dup2(out, STDOUT_FILENO);
  if (err >= 0) ::dup2(err, STDERR_FILENO);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(image.program.c_str(), argv, envp);
  constexpr char kMessage[] = "error: the worker program could not be executed\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, kMessage, sizeof(kMessage) - 1);
  ::_exit(kCannotExec);
}

}  // namespace

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = other.release();
  }
  return *this;
}

int Fd::release() { return std::exchange(fd_, -1); }

void Fd::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

std::string find_program(const std::string& name) {
  const auto usable = [](const std::string& path) { return ::access(path.c_str(), X_OK) == 0; };
  if (name.find('/') != std::string::npos) {
    if (usable(name)) return name;
  } else {
    const char* path = std::getenv("PATH");
    std::istringstream folders(path ? path : "/usr/local/bin:/usr/bin:/bin");
    for (std::string folder; std::getline(folders, folder, ':');) {
      const std::string candidate = (folder.empty() ? "." : folder) + "/" + name;
      if (usable(candidate)) return candidate;
    }
  }
  throw ConfigError(fmt::format("cannot run '{}': not found or not executable", name), "check the path of the program");
}

std::vector<std::string> environment_with(const std::map<std::string, std::string>& added) {
  std::vector<std::string> result;
  for (char** entry = environ; entry && *entry; ++entry) {
    const std::string text = *entry;
    if (!added.contains(text.substr(0, text.find('=')))) result.push_back(text);
  }
  for (const auto& [name, value] : added) result.push_back(name + "=" + value);
  return result;
}

pid_t start_child(const ChildImage& image, int out, int err) {
  const std::vector<char*> argv = pointers(image.arguments), envp = pointers(image.environment);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) throw ResourceError(fmt::format("cannot start a worker: {}", std::strerror(errno)), "see `ulimit -u`");
  if (child == 0) run_child(image, argv.data(), envp.data(), parent, out, err);
  // Also here, so that the group exists before anybody signals it.
  ::setpgid(child, child);
  return child;
}

}  // namespace loongforge::launch
