// SPDX-License-Identifier: Apache-2.0
#include "loongforge/launch/capture.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "launch/child.h"
#include "loongforge/core/error.h"

namespace loongforge::launch {
namespace {

using Clock = std::chrono::steady_clock;

struct Pipe {
  Fd read, write;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    throw ResourceError(fmt::format("cannot make a pipe: {}", std::strerror(errno)), "raise `ulimit -n`");
  }
  return {Fd(ends[0]), Fd(ends[1])};
}

/// Appends what is there; closes `fd` at the end of the stream.
void drain(Fd& fd, std::string& into) {
  std::array<char, 4096> buffer{};
  const ssize_t size = ::read(fd.get(), buffer.data(), buffer.size());
  if (size > 0) into.append(buffer.data(), static_cast<size_t>(size));
  else if (size == 0 || errno != EINTR) fd.reset();
}

int exit_code(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

Captured run_captured(const std::vector<std::string>& command, std::chrono::milliseconds limit) {
  Pipe out = make_pipe(), err = make_pipe();
  const ChildImage image{find_program(command.front()), command, environment_with({})};
  const pid_t child = start_child(image, out.write.get(), err.write.get());
  out.write.reset();
  err.write.reset();
  Captured captured;
  const auto deadline = Clock::now() + limit;
  while (out.read || err.read) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    std::array<pollfd, 2> polled{{{out.read.get(), POLLIN, 0}, {err.read.get(), POLLIN, 0}}};
    const int ready = left > 0 ? ::poll(polled.data(), polled.size(), static_cast<int>(left)) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) {
      captured.timed_out = true;
      ::kill(-child, SIGKILL);
      break;
    }
    if (polled[0].revents != 0) drain(out.read, captured.out);
    if (polled[1].revents != 0) drain(err.read, captured.err);
  }
  captured.exit_code = exit_code(child);
  return captured;
}

}  // namespace loongforge::launch
