// SPDX-License-Identifier: Apache-2.0
// A short question to another program: its output, within a time limit.
#pragma once
#include <chrono>
#include <string>
#include <vector>

namespace loongforge::launch {

struct Captured {
  int exit_code = 0;       ///< 128+n: ended by signal n
  bool timed_out = false;  ///< it was killed
  std::string out, err;
};

/// Runs `command` (program and arguments) to its end or to `limit`, whichever is first. Throws ConfigError when the
/// program can't be found, ResourceError when no process or pipe can be made.
Captured run_captured(const std::vector<std::string>& command, std::chrono::milliseconds limit);

}  // namespace loongforge::launch
