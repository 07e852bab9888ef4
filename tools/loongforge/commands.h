// SPDX-License-Identifier: Apache-2.0
// The commands of `loongforge`. Each takes its own arguments (after the command's name) and returns an exit code.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace loongforge::tools {

using Args = std::vector<std::string>;

struct Command {
  const char* name;
  const char* summary;
  int (*run)(const Args& args);
  void (*declare)(CLI::App& app) = nullptr;  ///< options and description, for completion and documents
};
std::span<const Command> commands();
/// The command line of `command`, ready to be described.
std::unique_ptr<CLI::App> declared(const Command& command);

int train_command(const Args& args);
int data_command(const Args& args);
int config_command(const Args& args);
int doctor_command(const Args& args);
int completion_command(const Args& args);
/// Checks the arguments of a command that loongforge-worker runs, then hands them over (replaces this process).
int verify_command(const Args& args);
int eval_command(const Args& args);
int generate_command(const Args& args);
int bench_command(const Args& args);

void declare_data(CLI::App& app);
void declare_bench(CLI::App& app);
void declare_config(CLI::App& app);
void declare_doctor(CLI::App& app);
void declare_completion(CLI::App& app);

/// Replaces this process by loongforge-worker's `name`.
int worker_command(const char* name, const Args& args);

/// Prints `error: …` and `hint: …` and returns the exit code. LOONGFORGE_BACKTRACE=1 adds the exception's type.
int report_failure(const std::exception& failure);
/// Runs `body`, turning exceptions into messages and exit codes.
int guarded(int (*body)(const Args&), const Args& args);

/// Path of loongforge-worker: beside this program, or in ../libexec. Throws ResourceError when it isn't there.
std::string worker_program();

}  // namespace loongforge::tools
