// SPDX-License-Identifier: Apache-2.0
// The commands of `loongforge`. Each takes its own arguments (after the command's name) and returns an exit code.
#pragma once
#include <span>
#include <string>
#include <vector>

namespace loongforge::tools {

using Args = std::vector<std::string>;

struct Command {
  const char* name;
  const char* summary;
  int (*run)(const Args& args);
};
std::span<const Command> commands();

int train_command(const Args& args);
int data_command(const Args& args);
/// Hands the command and its arguments over to loongforge-worker (replaces this process).
int worker_command(const char* name, const Args& args);

/// Prints `error: …` and `hint: …` and returns the exit code. LOONGFORGE_BACKTRACE=1 adds the exception's type.
int report_failure(const std::exception& failure);
/// Runs `body`, turning exceptions into messages and exit codes.
int guarded(int (*body)(const Args&), const Args& args);

/// Path of loongforge-worker: beside this program, or in ../libexec. Throws ResourceError when it isn't there.
std::string worker_program();

}  // namespace loongforge::tools
