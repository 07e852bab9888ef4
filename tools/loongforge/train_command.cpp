// SPDX-License-Identifier: Apache-2.0
// `loongforge train`: checks the whole configuration, then joins the launcher's environment or spawns the ranks.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "commands.h"
#include "loongforge/config/run_config.h"
#include "loongforge/core/error.h"
#include "loongforge/core/text.h"
#include "loongforge/launch/rank_env.h"
#include "loongforge/launch/spawner.h"

namespace loongforge::tools {

namespace {

struct TrainOptions {
  std::string config, nproc = "1", nnodes = "1", master_addr = "127.0.0.1", log_dir, tee, rdzv_endpoint, rdzv_id = "none";
  int node_rank = 0, master_port = 0, max_restarts = 0;
  bool print_config = false, print_fields = false, standalone = false;
  std::vector<std::string> overrides;
};

constexpr const char* kFooter =
    "After the options: a.b=1 sets a key, group=name swaps a group of `defaults`, ~a.b resets a key to its default,\n"
    "+a.b=1 adds one to a map; `--a.b 1` works too. Examples:\n"
    "  loongforge train --config quickstart\n"
    "  loongforge train --config run.yaml optim.lr=1e-4 train.steps=100\n"
    "  loongforge train --nproc-per-node 2 --config run.yaml parallel.zero=1\n"
    "  loongforge train --config quickstart --print-config";

/// `underscores` and hyphens of the same option, as torchrun takes both.
template <class T>
void both(CLI::App& app, const std::string& name, T& value, const std::string& help) {
  std::string other = name;
  for (char& c : other) c = c == '-' ? '_' : c;
  app.add_option(other == name ? "--" + name : "--" + name + ",--" + other, value, help);
}

void declare(CLI::App& app, TrainOptions& options) {
  both(app, "config", options.config, "YAML file, or the name of one in configs/");
  both(app, "nproc-per-node", options.nproc, "ranks on this node: a number, auto, cpu or gpu");
  both(app, "nnodes", options.nnodes, "number of nodes");
  both(app, "node-rank", options.node_rank, "number of this node");
  both(app, "master-addr", options.master_addr, "address of the first node");
  both(app, "master-port", options.master_port, "port of the first node (one node: a free one)");
  both(app, "rdzv-endpoint", options.rdzv_endpoint, "HOST:PORT, the same as --master-addr and --master-port");
  both(app, "rdzv-id", options.rdzv_id, "name of the job");
  both(app, "max-restarts", options.max_restarts, "times that all ranks are started anew after a failure");
  both(app, "log-dir", options.log_dir, "folder for each rank's stdout and stderr");
  both(app, "tee", options.tee, "with --log-dir, what is also shown: 0 nothing, 1 stdout, 2 stderr, 3 both");
  app.add_flag("--standalone", options.standalone, "one node, free port (the default)");
  app.add_flag("--print-config", options.print_config, "print the complete configuration and stop");
  app.add_flag("--help-config", options.print_fields, "print every configuration field with its default and stop");
  app.allow_extras();
  app.footer(kFooter);
}

int count_workers(const std::string& text) {
  if (text == "auto" || text == "cpu" || text == "gpu") return 1;
  char* end = nullptr;
  const long count = std::strtol(text.c_str(), &end, 10);
  if (text.empty() || *end != '\0' || count < 1 || count > 4096) {
    throw ConfigError(fmt::format("--nproc-per-node: `{}` is no number of ranks", text), "give 1, 2, … or auto");
  }
  return static_cast<int>(count);
}

launch::Tee tee_of(const std::string& text) {
  if (text.empty() || text == "0") return launch::Tee::none;
  if (text == "1") return launch::Tee::out;
  if (text == "2") return launch::Tee::err;
  if (text == "3") return launch::Tee::both;
  throw ConfigError(fmt::format("--tee: `{}` is none of 0, 1, 2, 3", text));
}

void print_fields() {
  for (const auto& field : config::describe_fields()) {
    std::printf("%-34s %-28s %s\n    %s\n", field.path.c_str(), field.type.c_str(), field.default_value.c_str(),
                field.doc.c_str());
  }
}

int spawn(const TrainOptions& options, int workers, const Args& worker_args) {
  launch::SpawnOptions spawn;
  spawn.command = {worker_program(), "train"};
  spawn.command.insert(spawn.command.end(), worker_args.begin(), worker_args.end());
  spawn.workers = workers;
  spawn.nodes = count_workers(options.nnodes);
  spawn.node_rank = options.node_rank;
  spawn.master_addr = options.master_addr;
  spawn.master_port = options.master_port;
  if (const auto colon = options.rdzv_endpoint.rfind(':'); colon != std::string::npos) {
    spawn.master_addr = options.rdzv_endpoint.substr(0, colon);
    spawn.master_port = std::atoi(options.rdzv_endpoint.c_str() + colon + 1);
  }
  spawn.run_id = options.rdzv_id;
  spawn.max_restarts = options.max_restarts;
  spawn.log_dir = options.log_dir;
  spawn.tee = tee_of(options.tee);
  const auto result = launch::spawn_workers(spawn);
  if (result.exit_code != 0 && !result.stopped) std::fprintf(stderr, "error: %s\n", result.reason.c_str());
  return result.exit_code;
}

}  // namespace

int train_command(const Args& args) {
  TrainOptions options;
  CLI::App app("Trains a model as one YAML file says, and leaves a Hugging Face directory.", "loongforge train");
  declare(app, options);
  try {
    app.parse(Args(args.rbegin(), args.rend()));  // CLI11 takes them last first
  } catch (const CLI::CallForHelp&) {
    std::fputs(app.help().c_str(), stdout);
    return 0;
  } catch (const CLI::ParseError& failure) {
    throw ConfigError(failure.what(), "see loongforge train --help");
  }
  if (options.print_fields) return print_fields(), 0;
  options.overrides = app.remaining();
  if (options.config.empty()) {
    throw ConfigError("train needs a config", "loongforge train --config FILE.yaml; `--config quickstart` is a first one");
  }
  const auto env = launch::RankEnv::from_environment();
  const int workers = count_workers(options.nproc), nodes = count_workers(options.nnodes);
  config::LoadOptions load;
  load.overrides = options.overrides;
  load.world_size = env.source != "none" ? env.world_size : workers * nodes;
  const auto config = config::load_run_config(options.config, load);
  for (const auto& warning : config.warnings) std::fprintf(stderr, "warning: %s\n", warning.c_str());
  if (options.print_config) {
    std::fputs(config::dump_yaml(config).c_str(), stdout);
    return 0;
  }
  Args worker_args{"--config", options.config};
  worker_args.insert(worker_args.end(), options.overrides.begin(), options.overrides.end());
  if (env.source != "none" || (workers == 1 && nodes == 1)) return worker_command("train", worker_args);
  return spawn(options, workers, worker_args);
}

}  // namespace loongforge::tools
