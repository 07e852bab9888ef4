// SPDX-License-Identifier: Apache-2.0
// `loongforge bench step`: where the time of a training step goes, by kind of block.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <map>

#include "loongforge/comm/process_group.h"
#include "loongforge/core/error.h"
#include "loongforge/launch/rank_env.h"
#include "loongforge/parallel/block_hooks.h"
#include "loongforge/platform/gemm_limit.h"
#include "loongforge/platform/runtime.h"
#include "loongforge/train/trainer.h"
#include "worker.h"

namespace loongforge::tools {
namespace {

using Clock = std::chrono::steady_clock;

/// Seconds since the last call.
class Lap {
 public:
  double next() {
    const auto now = Clock::now();
    const double seconds = std::chrono::duration<double>(now - last_).count();
    last_ = now;
    return seconds;
  }

 private:
  Clock::time_point last_ = Clock::now();
};

struct BlockTime {
  double forward = 0, backward = 0;
};

/// Times of everything in the steps, by turns: what happens between two borders is booked when the second is reached.
class StepClock final : public parallel::BlockHooks, public train::Hook {
 public:
  void before_forward(int64_t) override { between_ += lap_.next(); }
  void after_forward(int64_t block) override { blocks_[block].forward += lap_.next(); }
  void before_backward(int64_t) override { between_ += lap_.next(); }
  void after_backward(int64_t block) override { blocks_[block].backward += lap_.next(); }
  void after_gradients(train::Trainer&) override { norm_ += lap_.next(); }
  void after_step(train::Trainer&) override { optimizer_ += lap_.next(); }
  void on_report(train::Trainer&, const train::StepReport& report) override { last_report_ = report; }

  void clear() {
    blocks_.clear();
    between_ = norm_ = optimizer_ = 0;
    lap_.next();
  }
  const std::map<int64_t, BlockTime>& blocks() const { return blocks_; }
  double between() const { return between_; }
  double norm() const { return norm_; }
  double optimizer() const { return optimizer_; }
  const train::StepReport& last_report() const { return last_report_; }

 private:
  Lap lap_;
  std::map<int64_t, BlockTime> blocks_;
  double between_ = 0, norm_ = 0, optimizer_ = 0;
  train::StepReport last_report_;
};

struct BenchStepArguments {
  std::string config;
  int steps = 5, warm_up = 2;
};

/// FLOPs of a forward pass over the step's rows; the attention's squared rows follow from the step's total.
class StepFlops {
 public:
  StepFlops(const spec::ModelSpec& model, const train::StepReport& report) : rows_(report.units) {
    double products = 0, attention = 0;
    for (const auto& block : model.blocks) {
      products += block.cost.gemm_flops_per_row;
      attention += block.cost.attention_flops_per_row2;
    }
    squared_rows_ = attention > 0 ? (report.flops / 3 - products * rows_) / attention : 0;
  }
  double of(const spec::BlockSpec& block) const {
    return block.cost.gemm_flops_per_row * rows_ + block.cost.attention_flops_per_row2 * squared_rows_;
  }

 private:
  double rows_, squared_rows_ = 0;
};

void print_row(const std::string& name, const std::string& count, double forward, double backward, double flops, double limit) {
  const double seconds = forward + backward;
  std::printf("%-14s %5s %10.2f %10.2f", name.c_str(), count.c_str(), forward * 1e3, backward * 1e3);
  if (flops > 0) {
    std::printf(" %10.1f %9.1f", flops / 1e9, flops / seconds / 1e9);
    if (limit > 0) std::printf(" %6.0f%%", 100 * flops / seconds / limit);
  }
  std::printf("\n");
}

void print_table(train::Trainer& trainer, const StepClock& clock, int steps) {
  struct Kind {
    int count = 0;
    BlockTime time;
    double flops = 0;
  };
  const spec::ModelSpec& model = trainer.stage().model();
  const double limit = platform::gemm_limit(trainer.config().precision.dtype, c10::kCPU);
  const StepFlops flops(model, clock.last_report());
  std::map<std::string, Kind> kinds;
  double forward = 0, backward = 0, total_flops = 0;
  for (const auto& [index, time] : clock.blocks()) {
    const spec::BlockSpec& block = model.blocks[static_cast<size_t>(index)];
    Kind& kind = kinds[block.kind];
    ++kind.count;
    kind.time.forward += time.forward / steps;
    kind.time.backward += time.backward / steps;
    kind.flops += 3 * flops.of(block);
    forward += time.forward / steps;
    backward += time.backward / steps;
    total_flops += 3 * flops.of(block);
  }
  std::printf("%-14s %5s %10s %10s %10s %9s %7s\n", "part", "count", "fwd, ms", "bwd, ms", "GFLOP", "GFLOP/s", "limit");
  for (const auto& [name, kind] : kinds) {
    print_row(name, std::to_string(kind.count), kind.time.forward, kind.time.backward, kind.flops, limit);
  }
  print_row("gradient norm", "", 0, clock.norm() / steps, 0, limit);
  print_row("optimizer", "", clock.optimizer() / steps, 0, 0, limit);
  print_row("data, between", "", clock.between() / steps, 0, 0, limit);
  const double rest = (clock.norm() + clock.optimizer() + clock.between()) / steps;
  print_row("step", "", forward + rest, backward, total_flops, limit);
}

/// A folder that is gone at the end of the scope.
class ScratchFolder {
 public:
  ScratchFolder() : path_(std::filesystem::temp_directory_path() / fmt::format("loongforge-bench-{}", ::getpid())) {}
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string name() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

void run_steps(const config::RunConfig& config, const BenchStepArguments& arguments) {
  const auto clock = std::make_shared<StepClock>();
  const auto world = comm::make_world(config.parallel.backend, launch::RankEnv{});  // one rank
  train::Trainer trainer(config, train::Registry::builtin(), world, {clock});
  trainer.stage().executor().add_hooks(*clock);
  for (int i = 0; i < arguments.warm_up; ++i) trainer.step();
  clock->clear();
  int taken = 0;
  while (taken < arguments.steps && trainer.step()) ++taken;
  if (taken == 0) throw DataError("bench step: the data end before the warm-up does", "give more data, or a smaller --warm-up");
  print_table(trainer, *clock, taken);
}

}  // namespace

int bench_step(const Args& args) {
  BenchStepArguments arguments;
  CLI::App app("Times training steps on one rank, by kind of block.", "loongforge bench step");
  app.add_option("--config", arguments.config, "YAML file, or the name of one in configs/")->required();
  app.add_option("--steps", arguments.steps, "steps that are timed")->capture_default_str()->check(CLI::Range(1, 100000));
  app.add_option("--warm-up", arguments.warm_up, "steps before them")->capture_default_str()->check(CLI::Range(1, 100000));
  app.allow_extras();
  set_usage(app, "[key=value ...]", "loongforge bench step --config quickstart --steps 10",
             "Further key=value change the config as in `loongforge train`. Nothing is saved. Shares are of what a square matrix\n"
             "product reaches here in the config's type.");
  if (parse_or_help(app, args)) return 0;
  const ScratchFolder scratch;
  config::LoadOptions load;
  load.overrides = app.remaining();
  for (const std::string& fixed : {"run.output_dir=" + scratch.name(), std::string("run.resume=never"),
                                   std::string("checkpoint.save_last=false"), std::string("train.eval_at_end=false"),
                                   fmt::format("train.steps={}", arguments.steps + arguments.warm_up)}) {
    load.overrides.push_back(fixed);
  }
  const auto config = config::load_run_config(arguments.config, load);
  platform::init_runtime({.threads = static_cast<int>(config.platform.threads)});
  run_steps(config, arguments);
  return 0;
}

}  // namespace loongforge::tools
