// SPDX-License-Identifier: Apache-2.0
#include <csignal>
#include <cstdio>

#include "cli.h"
#include "loongforge/comm/process_group.h"
#include "loongforge/core/log.h"
#include "loongforge/core/machine.h"
#include "loongforge/launch/rank_env.h"
#include "loongforge/platform/runtime.h"
#include "loongforge/train/reporter.h"
#include "loongforge/train/trainer.h"
#include "worker.h"

namespace loongforge::tools {

namespace {

void install_stop_signals() {
  struct sigaction action = {};
  action.sa_handler = [](int signal) { train::Trainer::request_stop(signal); };
  action.sa_flags = SA_RESTART | SA_RESETHAND;  // a second signal ends the process at once
  for (int signal : {SIGTERM, SIGINT, SIGUSR1}) ::sigaction(signal, &action, nullptr);
}

int finish(train::Ending ending, const train::Trainer& trainer) {
  if (ending == train::Ending::already_finished && trainer.is_first_rank()) {
    std::printf("this run has finished already (%ld steps): see %s\n", static_cast<long>(trainer.steps_taken()),
                trainer.config().run.output_dir.c_str());
  }
  const int signal = train::Trainer::stop_signal();
  return ending == train::Ending::interrupted && signal != 0 ? 128 + signal : 0;
}

}  // namespace

int train_worker(const Args& args) {
  std::string config_name;
  CLI::App app("one rank of a training run", "train");
  app.add_option("--config", config_name)->required();
  app.allow_extras();
  if (parse_or_help(app, args)) return 0;
  const auto env = launch::RankEnv::from_environment();
  auto registry = train::Registry::builtin();
  config::LoadOptions load;
  load.overrides = app.remaining();
  load.world_size = env.world_size;
  auto config = config::load_run_config(config_name, load);
  train::load_plugins(config, registry);
  platform::RuntimeOptions runtime;
  runtime.threads = static_cast<int>(config.platform.threads);
  if (runtime.threads == 0) runtime.threads = std::max(1, usable_cores() / env.local_world_size);
  platform::init_runtime(runtime);
  if (env.world_size > 1) set_log_rank(env.rank);
  install_stop_signals();
  comm::WorldOptions options;
  options.timeout = std::chrono::milliseconds(static_cast<int64_t>(config.fault.timeout * 1000));
  options.device = config.platform.device;
  const auto world = comm::make_world(config.parallel.backend, env, options);
  try {
    train::Trainer trainer(config, registry, world, {train::make_reporter(config)});
    return finish(trainer.run(), trainer);
  } catch (const std::exception& failure) {
    world.abort(failure.what());
    throw;
  }
}

}  // namespace loongforge::tools
