// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include "loongforge/core/error.h"
#include "loongforge/platform/runtime.h"
#include "loongforge/verify/verify.h"
#include "options.h"
#include "worker.h"

namespace loongforge::tools {

int verify_worker(const Args& args) {
  VerifyOptions options;
  CLI::App app("", "loongforge verify");
  declare_verify(app, options);
  if (parse_or_help(app, args)) return 0;
  auto registry = train::Registry::builtin();
  config::LoadOptions load;
  load.overrides = app.remaining();
  load.overrides.push_back("train.global_batch_size=0");  // verify makes its own batches
  auto config = config::load_run_config(options.config, load);
  train::load_plugins(config, registry);
  platform::RuntimeOptions runtime;
  runtime.threads = 1;
  platform::init_runtime(runtime);
  const auto report = verify::verify(std::move(config), std::move(registry));
  std::fputs(report.table(static_cast<size_t>(options.rows)).c_str(), stdout);
  return report.passed() ? 0 : static_cast<int>(ExitCode::numerics);
}

}  // namespace loongforge::tools
