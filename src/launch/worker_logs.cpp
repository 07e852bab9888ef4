// SPDX-License-Identifier: Apache-2.0
#include "launch/worker_logs.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "loongforge/core/error.h"

namespace loongforge::launch {
namespace {

void write_all(int fd, const char* data, size_t size) {
  while (size > 0) {
    const ssize_t written = ::write(fd, data, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    data += written;
    size -= static_cast<size_t>(written);
  }
}

Fd open_log(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!file) {
    throw ResourceError(fmt::format("cannot write a worker's log: {} ({})", std::strerror(errno), path),
                        "choose a writable --log-dir");
  }
  return file;
}

}  // namespace

WorkerStream::WorkerStream(const std::string& log_path, bool shown, int shown_on, std::string prefix)
    : shown_on_(shown_on), prefix_(std::move(prefix)) {
  if (!log_path.empty()) log_ = open_log(log_path);
  if (!shown) {
    child_end_ = std::move(log_);
    return;
  }
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    throw ResourceError(fmt::format("cannot make a pipe to a worker: {}", std::strerror(errno)), "see `ulimit -n`");
  }
  pipe_ = Fd(ends[0]);
  child_end_ = Fd(ends[1]);
  ::fcntl(pipe_.get(), F_SETFL, O_NONBLOCK);
}

void WorkerStream::drain() {
  std::array<char, 16384> buffer;
  while (pipe_) {
    const ssize_t got = ::read(pipe_.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return pipe_.reset();
    if (log_) write_all(log_.get(), buffer.data(), static_cast<size_t>(got));
    line_.append(buffer.data(), static_cast<size_t>(got));
    show_lines();
  }
}

void WorkerStream::show_lines() {
  const size_t end = line_.rfind('\n');
  if (end == std::string::npos) return;
  std::string text;
  for (size_t start = 0; start <= end;) {
    const size_t stop = line_.find('\n', start) + 1;
    text += prefix_ + line_.substr(start, stop - start);
    start = stop;
  }
  line_.erase(0, end + 1);
  write_all(shown_on_, text.data(), text.size());
}

void WorkerStream::finish() {
  drain();
  if (!line_.empty()) {
    line_ += '\n';
    show_lines();
  }
  pipe_.reset();
}

std::vector<WorkerStream> open_streams(const SpawnOptions& options, int rank, int attempt) {
  const auto path = [&](const char* name) {
    return options.log_dir.empty() ? std::string()
                                   : fmt::format("{}/attempt_{}/{}/{}.log", options.log_dir, attempt, rank, name);
  };
  const std::string prefix = fmt::format("[rank {}] ", rank);
  const bool out = options.tee == Tee::out || options.tee == Tee::both;
  const bool err = options.tee == Tee::err || options.tee == Tee::both;
  std::vector<WorkerStream> streams;
  streams.emplace_back(path("stdout"), out, STDOUT_FILENO, prefix);
  streams.emplace_back(path("stderr"), err, STDERR_FILENO, prefix);
  return streams;
}

}  // namespace loongforge::launch
