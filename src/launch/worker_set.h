// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <signal.h>

#include <chrono>
#include <optional>
#include <vector>

#include "launch/child.h"
#include "launch/worker_logs.h"
#include "loongforge/launch/spawner.h"

namespace loongforge::launch {

/// Receives SIGCHLD and the signals to forward through a descriptor instead of handlers; undone at the end of the scope.
class SignalInbox {
 public:
  SignalInbox();
  ~SignalInbox();
  SignalInbox(const SignalInbox&) = delete;
  SignalInbox& operator=(const SignalInbox&) = delete;
  int fd() const { return fd_.get(); }
  std::optional<int> next();

 private:
  sigset_t before_;
  Fd fd_;
};

/// The workers of one attempt: one fate for all.
class WorkerSet {
 public:
  WorkerSet(const SpawnOptions& options, SignalInbox& inbox) : options_(options), inbox_(inbox) {}
  /// Kills what is left, at once.
  ~WorkerSet();
  WorkerSet(const WorkerSet&) = delete;
  WorkerSet& operator=(const WorkerSet&) = delete;

  void start(const ChildImage& image, int rank, int attempt);
  /// Watches until every worker has ended.
  SpawnResult run();

 private:
  struct Worker {
    int rank;
    pid_t process;
    bool running = true;
    std::vector<WorkerStream> streams;
  };

  bool any_running() const;
  void wait_for_events();
  void handle_signals();
  void reap();
  void note_failure(const Worker& worker, int code, const std::string& reason);
  void begin_end();
  void signal_all(int signal);

  const SpawnOptions& options_;
  SignalInbox& inbox_;
  std::vector<Worker> workers_;
  SpawnResult result_;
  bool ending_ = false;  ///< the workers have been told to stop
  std::optional<std::chrono::steady_clock::time_point> deadline_;  ///< when those still running are killed
};

}  // namespace loongforge::launch
