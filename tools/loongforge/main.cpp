// SPDX-License-Identifier: Apache-2.0
// `loongforge`: links the torch-free base only, so that help and configuration errors come in milliseconds; commands
// that compute are handed to loongforge-worker.
#include <cstdio>
#include <string_view>

#include "commands.h"
#include "options.h"
#include "loongforge/core/error.h"
#include "loongforge/core/text.h"

namespace loongforge::tools {

namespace {

template <class Options, void (*kDeclare)(CLI::App&, Options&)>
void declare(CLI::App& app) {
  static Options options;
  kDeclare(app, options);
}

constexpr Command kCommands[] = {
    {"train", "train a model from a YAML config, on one or many ranks", train_command,
     declare<TrainOptions, declare_train>},
    {"verify", "show that a config's parallel layout gives the numbers of one rank", verify_command,
     declare<VerifyOptions, declare_verify>},
    {"eval", "loss and perplexity of a model directory on a file", eval_command, declare<EvalOptions, declare_eval>},
    {"generate", "text from a model directory", generate_command, declare<GenerateOptions, declare_generate>},
    {"bench", "time operations and training steps on this machine", bench_command, declare_bench},
    {"data", "tokenize text to .bin/.idx, look at it, count it", data_command, declare_data},
    {"config", "the configurations that are there, their fields, their JSON Schema", config_command, declare_config},
    {"doctor", "what this machine has and lacks for runs, and what to do about it", doctor_command, declare_doctor},
    {"completion", "completion of commands, options and keys for bash and zsh", completion_command, declare_completion},
};

void print_help() {
  std::puts("loongforge: train language models in C++, from one YAML file to a Hugging Face directory\n\n"
            "usage: loongforge COMMAND [options] [key=value ...]\n\ncommands:");
  for (const auto& command : kCommands) std::printf("  %-10s %s\n", command.name, command.summary);
  std::puts("\nFirst steps:\n"
            "  loongforge doctor                            what this machine has and lacks\n"
            "  loongforge train --config quickstart         a first run (tools/quickstart.sh prepares its text)\n"
            "  loongforge train --help-config               every key of a configuration\n"
            "\n`loongforge COMMAND --help` explains one. Exit codes: 0 done, 2 usage or configuration, 3 data,\n"
            "4 checkpoint, 5 communication or a lost peer, 6 numerics, 7 resource, 128+n signal n.");
}

int unknown_command(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& command : kCommands) names.emplace_back(command.name);
  const auto close = nearest(name, names);
  throw ConfigError(fmt::format("unknown command `{}`", name),
                    close ? fmt::format("did you mean `{}`?", *close) : "see loongforge --help");
}

/// `loongforge help`, `loongforge help COMMAND`, `loongforge help --markdown` (what docs/commands.md holds).
int help(const Args& args) {
  if (args.empty()) return print_help(), 0;
  if (args[0] == "--markdown") {
    for (const auto& command : kCommands) std::fputs(help_markdown(*declared(command)).c_str(), stdout);
    return 0;
  }
  for (const auto& command : kCommands) {
    if (args[0] == command.name) return std::fputs(help_text(*declared(command)).c_str(), stdout), 0;
  }
  return unknown_command(args[0]);
}

int run(const Args& args) {
  if (args.empty()) return print_help(), static_cast<int>(ExitCode::usage);
  if (args[0] == "--help" || args[0] == "-h" || args[0] == "help") return help(Args(args.begin() + 1, args.end()));
  if (args[0] == "--version") {
    std::puts("loongforge " LF_VERSION);
    return 0;
  }
  for (const auto& command : kCommands) {
    if (args[0] == command.name) return command.run(Args(args.begin() + 1, args.end()));
  }
  return unknown_command(args[0]);
}

}  // namespace

std::span<const Command> commands() { return kCommands; }

std::unique_ptr<CLI::App> declared(const Command& command) {
  auto app = std::make_unique<CLI::App>("", std::string("loongforge ") + command.name);
  command.declare(*app);
  return app;
}

}  // namespace loongforge::tools

int main(int argc, char** argv) {
  return loongforge::tools::guarded(loongforge::tools::run, loongforge::tools::Args(argv + 1, argv + argc));
}
