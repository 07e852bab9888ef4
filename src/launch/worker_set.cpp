// SPDX-License-Identifier: Apache-2.0
#include "launch/worker_set.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "loongforge/core/error.h"

namespace loongforge::launch {
namespace {

constexpr int kForwarded[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};
constexpr int kLostPeer = static_cast<int>(ExitCode::comm);

}  // namespace

SignalInbox::SignalInbox() {
  sigset_t watched;
  ::sigemptyset(&watched);
  ::sigaddset(&watched, SIGCHLD);
  for (int signal : kForwarded) ::sigaddset(&watched, signal);
  // An ignored SIGCHLD, as some parents leave behind, would make children vanish unseen.
  ::signal(SIGCHLD, SIG_DFL);
  ::sigprocmask(SIG_BLOCK, &watched, &before_);
  fd_ = Fd(::signalfd(-1, &watched, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!fd_) throw ResourceError(fmt::format("cannot watch signals: {}", std::strerror(errno)));
}

SignalInbox::~SignalInbox() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }

std::optional<int> SignalInbox::next() {
  signalfd_siginfo info{};
  if (::read(fd_.get(), &info, sizeof(info)) != static_cast<ssize_t>(sizeof(info))) return std::nullopt;
  return static_cast<int>(info.ssi_signo);
}

WorkerSet::~WorkerSet() {
  signal_all(SIGKILL);
  for (auto& worker : workers_) {
    if (worker.running) ::waitpid(worker.process, nullptr, 0);
  }
}

void WorkerSet::start(const ChildImage& image, int rank, int attempt) {
  auto streams = open_streams(options_, rank, attempt);
  const pid_t process = start_child(image, streams[0].child_end(), streams[1].child_end());
  for (auto& stream : streams) stream.close_child_end();
  workers_.push_back({rank, process, true, std::move(streams)});
}

bool WorkerSet::any_running() const {
  return std::any_of(workers_.begin(), workers_.end(), [](const Worker& worker) { return worker.running; });
}

SpawnResult WorkerSet::run() {
  while (any_running()) {
    wait_for_events();
    handle_signals();
    reap();
  }
  for (auto& worker : workers_) {
    for (auto& stream : worker.streams) stream.finish();
  }
  return result_;
}

void WorkerSet::wait_for_events() {
  std::vector<pollfd> watched{{inbox_.fd(), POLLIN, 0}};
  for (const auto& worker : workers_) {
    for (const auto& stream : worker.streams) {
      if (stream.poll_fd() >= 0) watched.push_back({stream.poll_fd(), POLLIN, 0});
    }
  }
  int timeout = -1;
  if (deadline_) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline_ - std::chrono::steady_clock::now());
    timeout = static_cast<int>(std::max<int64_t>(0, left.count()));
  }
  const int ready = ::poll(watched.data(), watched.size(), timeout);
  if (ready == 0 && deadline_) {
    signal_all(SIGKILL);
    deadline_.reset();
  }
  for (auto& worker : workers_) {
    for (auto& stream : worker.streams) stream.drain();
  }
}

void WorkerSet::handle_signals() {
  while (const auto signal = inbox_.next()) {
    if (*signal == SIGCHLD) continue;
    signal_all(*signal);
    if (*signal != SIGUSR2) {  // batch systems announce the end of a job's time by SIGUSR1
      result_.stopped = true;
      if (!ending_) deadline_ = std::chrono::steady_clock::now() + options_.grace;
      ending_ = true;
    }
  }
}

void WorkerSet::reap() {
  bool failed = false;
  for (auto& worker : workers_) {
    siginfo_t info{};
    if (!worker.running ||
        ::waitid(P_PID, static_cast<id_t>(worker.process), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
        info.si_pid == 0) {
      continue;
    }
    const bool exited = info.si_code == CLD_EXITED;
    const bool failure = !exited || info.si_status != 0;
    // Before the process is reaped, while its group's number can't belong to anyone else.
    if (failure || result_.failed_rank >= 0) ::kill(-worker.process, SIGKILL);
    ::waitpid(worker.process, nullptr, 0);
    worker.running = false;
    if (!failure) continue;
    if (exited) {
      note_failure(worker, info.si_status, fmt::format("rank {} exited with code {}", worker.rank, info.si_status));
    } else {
      note_failure(worker, 128 + info.si_status,
                   fmt::format("rank {} was killed by signal {} ({})", worker.rank, info.si_status,
                               ::strsignal(info.si_status)));
    }
    failed = true;
  }
  if (failed && any_running()) begin_end();
}

void WorkerSet::note_failure(const Worker& worker, int code, const std::string& reason) {
  // Ranks that lost their peer may be seen before the peer itself; what isn't a lost peer is the cause.
  const bool first = result_.failed_rank < 0;
  const bool better = !ending_ && result_.exit_code == kLostPeer && code != kLostPeer;
  if (!first && !better) return;
  result_.exit_code = code;
  result_.failed_rank = worker.rank;
  result_.reason = reason;
}

void WorkerSet::begin_end() {
  if (ending_) return;
  ending_ = true;
  signal_all(SIGTERM);
  deadline_ = std::chrono::steady_clock::now() + options_.failure_grace;
}

void WorkerSet::signal_all(int signal) {
  for (const auto& worker : workers_) {
    if (worker.running) ::kill(-worker.process, signal);
  }
}

}  // namespace loongforge::launch
