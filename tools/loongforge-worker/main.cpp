// SPDX-License-Identifier: Apache-2.0
// `loongforge-worker`: started by `loongforge` (or a launcher) for everything that needs LibTorch.
#include <cstdio>

#include "loongforge/core/error.h"
#include "worker.h"

namespace loongforge::tools {

namespace {

int run(const Args& args) {
  const Command commands[] = {{"train", "", train_worker},
                              {"verify", "", verify_worker},
                              {"eval", "", eval_worker},
                              {"generate", "", generate_worker},
                              {"inspect", "", inspect_worker},
                              {"bench", "", bench_worker},
                              {"about", "", about_worker}};
  for (const auto& command : commands) {
    if (!args.empty() && args[0] == command.name) return command.run(Args(args.begin() + 1, args.end()));
  }
  throw ConfigError("loongforge-worker is started by loongforge", "run `loongforge --help`");
}

}  // namespace
}  // namespace loongforge::tools

int main(int argc, char** argv) {
  return loongforge::tools::guarded(loongforge::tools::run, loongforge::tools::Args(argv + 1, argv + argc));
}
