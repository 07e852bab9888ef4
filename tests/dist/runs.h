// SPDX-License-Identifier: Apache-2.0
// Small configurations and their traced runs, shared by the tests of layouts.
#pragma once
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <functional>

#include "loongforge/config/run_config.h"
#include "loongforge/verify/verify.h"

namespace loongforge::verify {

struct Case {
  const char* name;
  std::vector<std::string> overrides;
};
inline void PrintTo(const Case& layout, std::ostream* out) { *out << layout.name; }

/// The quickstart's model made awkward: 6 query heads in 2 groups, 3 layers, vocabulary 259.
inline config::RunConfig configured(std::vector<std::string> overrides) {
  config::LoadOptions options;
  options.overrides = {"model.config.num_hidden_layers=3", "model.config.hidden_size=48", "model.config.vocab_size=259",
                       "model.config.intermediate_size=80", "model.config.num_attention_heads=6",
                       "model.config.head_dim=8", "train.global_batch_size=0"};
  options.overrides.insert(options.overrides.end(), overrides.begin(), overrides.end());
  return config::load_run_config(LF_SOURCE_DIR "/configs/quickstart.yaml", options);
}

/// Runs `config` made small on `data`, after `change` had its way with it; 3 steps where `change` says nothing else.
inline Trace traced(config::RunConfig config, train::Registry registry,
                    const std::function<void(config::RunConfig&)>& change = {},
                    std::shared_ptr<const data::Dataset> data = ragged_documents(259, 24, 97, 5)) {
  int ranks = 1;
  std::string note;
  config = reduce(std::move(config), registry, ranks, note);
  if (change) change(config);
  config.run.output_dir = testing::TempDir() + "lf_dist_" + std::to_string(::getpid());
  registry.datasets["verify"] = [data](const config::RunConfig&, const spec::ModelSpec&, train::Split split) {
    return split == train::Split::train ? data : nullptr;
  };
  return run_trace(config, registry, ranks);
}

/// Gradient descent: a step that follows the gradients themselves. Adam divides by them, which turns the rounding of an
/// fp32 gradient near zero into a whole step.
class PlainDescent final : public optim::Optimizer {
 public:
  void attach(std::span<step::FlatShard> shards) override { shards_ = shards; }
  void step(double lr, const optim::GradientDecision& decision) override {
    for (auto& shard : shards_) {
      const auto dtype = shard.master.scalar_type();
      shard.master.sub_(shard.grad.to(dtype).mul(decision.coefficient.to(dtype)).mul(lr));
      if (!shard.weight.is_alias_of(shard.master)) shard.weight.copy_(shard.master);
    }
  }
  std::vector<std::string> state_names() const override { return {}; }
  optim::StepCounts counts() const override { return {}; }
  void set_counts(optim::StepCounts) override {}
  at::Tensor skipped() const override { return at::zeros({}); }

 private:
  std::span<step::FlatShard> shards_;
};

/// The built-in registry with `descent` among its optimizers.
inline train::Registry with_descent() {
  auto registry = train::Registry::builtin();
  registry.optimizers["descent"] = [](const config::RunConfig&) { return std::make_unique<PlainDescent>(); };
  return registry;
}

/// Settings of runs that are compared in `dtype`: in fp64 with AdamW, else with plain descent.
inline void compare_in(Dtype dtype, config::RunConfig& config) {
  config.precision.dtype = dtype;
  if (dtype == Dtype::f64) return;
  config.optim.name = "descent";
  config.optim.lr = 0.1;
  config.optim.schedule = config::Schedule::constant;
}

/// How near layouts must be to one rank.
inline double bar_in(Dtype dtype) { return dtype == Dtype::f64 ? 1e-10 : 1e-5; }

/// ‖a − b‖ / ‖b‖ over all gradients of the first step.
inline double gradient_error(const Trace& mine, const Trace& reference) {
  double difference = 0, norm = 0;
  for (const auto& [name, gradient] : reference.gradients.at(0)) {
    const at::Tensor exact = gradient.to(at::kDouble);
    difference += mine.gradients.at(0).at(name).to(at::kDouble).sub(exact).square().sum().item<double>();
    norm += exact.square().sum().item<double>();
  }
  return std::sqrt(difference / norm);
}

/// The greatest relative difference of two runs, with its place.
inline Difference worst(const Trace& mine, const Trace& reference) { return compare(mine, reference).at(0); }

}  // namespace loongforge::verify
