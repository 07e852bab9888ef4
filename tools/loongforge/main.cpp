// SPDX-License-Identifier: Apache-2.0
// `loongforge`: links the torch-free base only, so that help and configuration errors come in milliseconds; commands
// that compute are handed to loongforge-worker.
#include <cstdio>
#include <string_view>

#include "commands.h"
#include "loongforge/core/error.h"
#include "loongforge/core/text.h"

namespace loongforge::tools {

namespace {

template <const char* kName>
int in_worker(const Args& args) {
  return worker_command(kName, args);
}
constexpr char kVerify[] = "verify", kEval[] = "eval", kGenerate[] = "generate", kBench[] = "bench";

constexpr Command kCommands[] = {
    {"train", "train a model from a YAML config, on one or many ranks", train_command},
    {"verify", "show that a config's parallel layout gives the numbers of one rank", in_worker<kVerify>},
    {"eval", "loss and perplexity of a model directory on a file", in_worker<kEval>},
    {"generate", "text from a model directory", in_worker<kGenerate>},
    {"bench", "time operations on this machine", in_worker<kBench>},
    {"data", "tokenize text to .bin/.idx, look at it, count it", data_command},
};

void print_help() {
  std::puts("loongforge: train language models in C++, from one YAML file to a Hugging Face directory\n\n"
            "usage: loongforge COMMAND [options] [key=value ...]\n\ncommands:");
  for (const auto& command : kCommands) std::printf("  %-10s %s\n", command.name, command.summary);
  std::puts("\n`loongforge COMMAND --help` explains one. Exit codes: 0 done, 2 usage or configuration, 3 data,\n"
            "4 checkpoint, 5 communication or a lost peer, 6 numerics, 7 resource, 128+n signal n.");
}

int unknown_command(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& command : kCommands) names.emplace_back(command.name);
  const auto close = nearest(name, names);
  throw ConfigError(fmt::format("unknown command `{}`", name),
                    close ? fmt::format("did you mean `{}`?", *close) : "see loongforge --help");
}

int run(const Args& args) {
  if (args.empty() || args[0] == "--help" || args[0] == "-h" || args[0] == "help") {
    print_help();
    return args.empty() ? static_cast<int>(ExitCode::usage) : 0;
  }
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

}  // namespace loongforge::tools

int main(int argc, char** argv) {
  return loongforge::tools::guarded(loongforge::tools::run, loongforge::tools::Args(argv + 1, argv + argc));
}
