// SPDX-License-Identifier: Apache-2.0
// `loongforge bench`: measurement.
#include <fmt/format.h>

#include <cstdio>

#include "loongforge/core/error.h"
#include "worker.h"

namespace loongforge::tools {

int bench_worker(const Args& args) {
  constexpr Command kBenches[] = {{"op", "time operations: own kernels against ATen's", bench_op},
                                  {"step", "time training steps of a config, by kind of block", bench_step}};
  if (args.empty() || args[0] == "--help" || args[0] == "-h") {
    std::puts("Measures this machine.\n\nusage: loongforge bench WHAT [options]\n");
    for (const auto& bench : kBenches) std::printf("  %-6s %s\n", bench.name, bench.summary);
    std::puts("\n`loongforge bench WHAT --help` explains one.");
    return args.empty() ? static_cast<int>(ExitCode::usage) : 0;
  }
  for (const auto& bench : kBenches) {
    if (args[0] == bench.name) return bench.run(Args(args.begin() + 1, args.end()));
  }
  throw ConfigError(fmt::format("bench: nothing called `{}`", args[0]), "see loongforge bench --help");
}

}  // namespace loongforge::tools
