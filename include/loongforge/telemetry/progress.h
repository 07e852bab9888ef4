// SPDX-License-Identifier: Apache-2.0
// Lines of a run on stdout: in a file one after the other, on a terminal with a last line that keeps changing.
#pragma once
#include <chrono>
#include <cstdio>
#include <string>

namespace loongforge::telemetry {

class Progress {
 public:
  explicit Progress(std::FILE* out = stdout);
  /// Ends a line that is still open, so that what others print begins on its own.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// A line that stays.
  void keep(const std::string& line);
  /// On a terminal the changing line, cut to its width, at most ten times a second; elsewhere nothing.
  void show(const std::string& line);

 private:
  std::FILE* out_;
  bool terminal_, open_ = false;
  std::chrono::steady_clock::time_point shown_{};
};

}  // namespace loongforge::telemetry
