// SPDX-License-Identifier: Apache-2.0
// `loongforge train`: checks the whole configuration, then joins the launcher's environment or spawns the ranks.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "commands.h"
#include "config_reference.h"
#include "loongforge/config/model.h"
#include "loongforge/config/run_config.h"
#include "loongforge/core/error.h"
#include "loongforge/core/machine.h"
#include "loongforge/core/text.h"
#include "loongforge/launch/rank_env.h"
#include "loongforge/launch/spawner.h"
#include "loongforge/plan/fit.h"
#include "options.h"

namespace loongforge::tools {

namespace {

int positive(const std::string& option, const std::string& text, const std::string& hint) {
  char* end = nullptr;
  const long count = std::strtol(text.c_str(), &end, 10);
  if (text.empty() || *end != '\0' || count < 1 || count > 4096) {
    throw ConfigError(fmt::format("{}: `{}` is no number from 1 to 4096", option, text), hint);
  }
  return static_cast<int>(count);
}

/// As torchrun counts: auto is a rank a device, or a rank a core where there is none.
int count_workers(const std::string& text) {
  if (text == "cpu") return usable_cores();
  if (text != "auto" && text != "gpu") return positive("--nproc-per-node", text, "give 1, 2, …, cpu, gpu or auto");
  const auto devices = static_cast<int>(nvidia_gpus().gpus.size());
  if (devices > 0) return devices;
  if (text == "auto") return usable_cores();
  throw ResourceError("--nproc-per-node: no GPU is there",
                      "give a number or cpu; `loongforge doctor` says what is missing");
}

int count_nodes(const std::string& text) {
  if (text.find(':') != std::string::npos) {
    throw ConfigError(fmt::format("--nnodes: `{}` asks for a changing number of nodes, which is not supported", text),
                      "give one number; with --max-restarts, failed ranks are started anew");
  }
  return positive("--nnodes", text, "give 1, 2, …");
}

launch::Tee tee_of(const std::string& text) {
  if (text.empty() || text == "0") return launch::Tee::none;
  if (text == "1") return launch::Tee::out;
  if (text == "2") return launch::Tee::err;
  if (text == "3") return launch::Tee::both;
  throw ConfigError(fmt::format("--tee: `{}` is none of 0, 1, 2, 3", text), "0 nothing, 1 stdout, 2 stderr, 3 both");
}

/// HOST:PORT over --master-addr and --master-port.
void read_endpoint(TrainOptions& options) {
  if (!options.rdzv_backend.empty() && options.rdzv_backend != "static" && options.rdzv_backend != "c10d") {
    throw ConfigError(fmt::format("--rdzv-backend: `{}` is neither static nor c10d", options.rdzv_backend),
                      "nodes meet at --rdzv-endpoint HOST:PORT; no other service is needed");
  }
  if (options.rdzv_endpoint.empty()) return;
  const auto colon = options.rdzv_endpoint.rfind(':');
  options.master_addr = options.rdzv_endpoint.substr(0, colon);
  char* end = nullptr;
  const long port =
      colon == std::string::npos ? 29400 : std::strtol(options.rdzv_endpoint.c_str() + colon + 1, &end, 10);
  if ((end && *end != '\0') || port < 0 || port > 65535) {
    throw ConfigError(fmt::format("--rdzv-endpoint: `{}` is not HOST:PORT", options.rdzv_endpoint),
                      "such as node0:29400");
  }
  options.master_port = static_cast<int>(port);
}

/// What CLI11 left over are overrides; those that can't be are most likely misspelt options or a file without --config.
void check_leftovers(const CLI::App& app, const TrainOptions& options, const Args& overrides) {
  std::vector<std::string> names;
  for (const auto* option : shown_options(app)) names.push_back(usual_name(*option));
  for (const auto& text : overrides) {
    const bool file = text.ends_with(".yaml") || text.ends_with(".yml");
    if (file && text.find('=') == std::string::npos && options.config.empty()) {
      throw ConfigError(fmt::format("`{}` is not an option", text), fmt::format("loongforge train --config {}", text));
    }
    const std::string name = text.substr(0, text.find('='));
    if (!name.starts_with("--") || name.find('.') != std::string::npos) continue;
    auto near = nearest(name, names);
    const auto longer =
        std::find_if(names.begin(), names.end(), [&](const auto& known) { return known.starts_with(name); });
    if (longer != names.end()) near = *longer;
    if (near) {
      throw ConfigError(fmt::format("unknown option {}", name), fmt::format("did you mean {}?", *near));
    }
  }
}

/// What the local ranks may use; 0: unknown.
uint64_t free_memory(const config::RunConfig& config) {
  if (config.platform.device != "cuda") return host_memory().available;
  uint64_t least = 0;
  for (const auto& gpu : nvidia_gpus().gpus) least = least == 0 ? gpu.free_memory : std::min(least, gpu.free_memory);
  return least;
}

/// For this process and the worker that it becomes or starts.
void prefer_configs(const std::string& folder) {
  if (!std::filesystem::is_directory(folder))
    throw ConfigError(fmt::format("--config-dir: {} is not a folder", folder), "name one that holds YAML files");
  const char* more = std::getenv("LOONGFORGE_CONFIG_PATH");
  ::setenv("LOONGFORGE_CONFIG_PATH", (more ? folder + ":" + more : folder).c_str(), 1);
}

struct World {
  int size = 1, local = 1;
  bool first = true;
};

/// The parameters' memory against what is there. Models of plug-ins are known only to the worker.
void check_memory(const config::RunConfig& config, const World& world, bool print) {
  if (!config.run.plugins.empty() && !print) return;
  const auto model = config::load_model_spec(config, spec::Registry::builtin());
  const int sharing = config.platform.device == "cuda" ? 1 : world.local;
  const auto fit = plan::parameter_fit(config, model, world.size, sharing, free_memory(config));
  if (print) return void(std::fputs(plan::fit_table(fit).c_str(), stdout));
  const auto check = config.memory.check;
  if (check == config::MemoryCheck::error) plan::require_fit(fit, config);
  if (check == config::MemoryCheck::warn && !fit.fits() && world.first) {
    std::fprintf(stderr, "warning: the parameters alone need more memory than is free\n");
  }
  if (check != config::MemoryCheck::off && world.first) {
    std::puts(plan::fit_line(fit).c_str());
    std::fflush(stdout);
  }
}

int spawn(const TrainOptions& options, int workers, double grace, const Args& worker_args) {
  launch::SpawnOptions spawn;
  spawn.command = {worker_program(), "train"};
  spawn.command.insert(spawn.command.end(), worker_args.begin(), worker_args.end());
  spawn.workers = workers;
  spawn.nodes = count_nodes(options.nnodes);
  spawn.node_rank = options.node_rank;
  spawn.master_addr = options.master_addr;
  spawn.master_port = options.master_port;
  spawn.run_id = options.rdzv_id;
  spawn.max_restarts = options.max_restarts;
  spawn.log_dir = options.log_dir;
  spawn.grace = std::chrono::milliseconds(static_cast<int64_t>(grace * 1000));
  spawn.tee = tee_of(options.tee);
  const auto result = launch::spawn_workers(spawn);
  if (result.exit_code != 0 && !result.stopped) {
    std::fprintf(stderr, "error: %s\nhint: %s\n", result.reason.c_str(),
                 options.log_dir.empty() ? "its own message is above; --log-dir DIR keeps each rank's output"
                                         : fmt::format("see the rank's stderr.log in {}", options.log_dir).c_str());
  }
  return result.exit_code;
}

}  // namespace

int train_command(const Args& args) {
  TrainOptions options;
  CLI::App app("", "loongforge train");
  declare_train(app, options);
  if (parse_or_help(app, args)) return 0;
  if (app.count("--help-config") > 0) return std::fputs(fields_text(options.help_config).c_str(), stdout), 0;
  const Args overrides = app.remaining();
  check_leftovers(app, options, overrides);
  read_endpoint(options);
  if (!options.cfg.empty() && options.cfg != "job") {
    throw ConfigError(fmt::format("--cfg: only `job` is there, not `{}`", options.cfg),
                      "--cfg job prints the configuration");
  }
  if (options.config.empty()) {
    throw ConfigError("train needs a config",
                      "loongforge train --config FILE.yaml; `loongforge config list` shows what is there");
  }
  if (!options.config_dir.empty()) prefer_configs(options.config_dir);
  const auto env = launch::RankEnv::from_environment();
  const bool joins = env.source != "none";
  const int workers = count_workers(options.nproc), nodes = count_nodes(options.nnodes);
  const World world{joins ? env.world_size : workers * nodes, joins ? env.local_world_size : workers,
                    joins ? env.rank == 0 : options.node_rank == 0};
  config::LoadOptions load;
  load.overrides = overrides;
  load.world_size = world.size;
  const auto config = config::load_run_config(options.config, load);
  if (world.first) {
    for (const auto& warning : config.warnings) std::fprintf(stderr, "warning: %s\n", warning.c_str());
  }
  if (options.print_config || !options.cfg.empty()) return std::fputs(config::dump_yaml(config).c_str(), stdout), 0;
  check_memory(config, world, options.print_memory);
  if (options.print_memory) return 0;
  Args worker_args{"--config", options.config};
  worker_args.insert(worker_args.end(), overrides.begin(), overrides.end());
  if (joins || (workers == 1 && nodes == 1)) return worker_command("train", worker_args);
  return spawn(options, workers, config.fault.grace, worker_args);
}

}  // namespace loongforge::tools
