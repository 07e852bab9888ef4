// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <cstdio>

#include "loongforge/core/error.h"
#include "loongforge/platform/runtime.h"
#include "loongforge/verify/verify.h"
#include "worker.h"

namespace loongforge::tools {

int verify_worker(const Args& args) {
  std::string config_name;
  int64_t rows = 8;
  CLI::App app("Runs a config, made small, under its parallel layout (ranks as threads) and on one rank, in fp64 for three\n"
               "steps, and compares losses, every gradient, gradient norms and weights. Exit 0: equal to 1e-10; 6: not.",
               "verify");
  app.add_option("--config", config_name, "YAML file, or the name of one in configs/")->required();
  app.add_option("--rows", rows, "rows of the table, worst first");
  app.allow_extras();
  app.footer("Example: loongforge verify --config quickstart parallel.tp=2 parallel.pp=2 parallel.dp=2 parallel.zero=1");
  if (parse_or_help(app, args)) return 0;
  auto registry = train::Registry::builtin();
  config::LoadOptions load;
  load.overrides = app.remaining();
  load.overrides.push_back("train.global_batch_size=0");  // verify makes its own batches
  auto config = config::load_run_config(config_name, load);
  train::load_plugins(config, registry);
  platform::RuntimeOptions runtime;
  runtime.threads = 1;
  platform::init_runtime(runtime);
  const auto report = verify::verify(std::move(config), std::move(registry));
  std::fputs(report.table(static_cast<size_t>(rows)).c_str(), stdout);
  return report.passed() ? 0 : static_cast<int>(ExitCode::numerics);
}

}  // namespace loongforge::tools
