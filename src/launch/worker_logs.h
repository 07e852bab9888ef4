// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <vector>

#include "launch/child.h"
#include "loongforge/launch/spawner.h"

struct pollfd;

namespace loongforge::launch {

/// Where one stream of one worker goes: its log file directly, or a pipe whose lines are shown and logged here.
class WorkerStream {
 public:
  /// `log_path` empty: no log. Shown lines go to descriptor `shown_on` after `prefix`. Throws ResourceError.
  WorkerStream(const std::string& log_path, bool shown, int shown_on, std::string prefix);

  int child_end() const { return child_end_.get(); }  ///< -1: the child inherits the launcher's stream
  void close_child_end() { child_end_.reset(); }
  int poll_fd() const { return pipe_.get(); }         ///< -1: nothing to read
  /// Copies what is there to read now; whole lines are shown at once.
  void drain();
  /// Shows an unfinished last line.
  void finish();

 private:
  void show_lines();

  Fd child_end_, pipe_, log_;
  int shown_on_;
  std::string prefix_, line_;
};

/// The two streams of each worker for one attempt.
std::vector<WorkerStream> open_streams(const SpawnOptions& options, int rank, int attempt);

}  // namespace loongforge::launch
