// SPDX-License-Identifier: Apache-2.0
// `loongforge-worker`: started by `loongforge` (or a launcher) for everything that needs LibTorch.
#include <c10/util/Logging.h>

#include <cstdlib>

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

namespace {

/// LibTorch's own warnings come with stack traces; what users need to know reaches them as our errors.
void quiet_libtorch() {
  if (std::getenv("LOONGFORGE_BACKTRACE") == nullptr) ::setenv("TORCH_CPP_LOG_LEVEL", "ERROR", /*overwrite=*/0);
  c10::initLogging();
}

}  // namespace

int main(int argc, char** argv) {
  quiet_libtorch();
  return loongforge::tools::guarded(loongforge::tools::run, loongforge::tools::Args(argv + 1, argv + argc));
}
