// SPDX-License-Identifier: Apache-2.0
#include "loongforge/optim/adamw.h"

#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "loongforge/core/error.h"
#include "loongforge/platform/device.h"
#include "loongforge/platform/dtype.h"
#include "optim/adamw_update.h"

namespace loongforge::optim {
namespace {

constexpr const char* kFirst = "exp_avg";
constexpr const char* kSecond = "exp_avg_sq";

class AdamW final : public Optimizer {
 public:
  explicit AdamW(const AdamWConfig& config) : config_(config) {}

  void attach(std::span<step::FlatShard> shards) override {
    shards_ = shards;
    auto options = at::TensorOptions().dtype(at::kDouble);
    if (!shards.empty()) options = options.device(shards.front().master.device());
    taken_ = at::zeros({}, options);
    skipped_ = at::zeros({}, options);
    for (step::FlatShard& shard : shards_) {
      const at::ScalarType moments = config_.moments ? platform::to_torch(*config_.moments) : shard.master.scalar_type();
      for (const char* name : {kFirst, kSecond}) shard.state[name] = at::zeros_like(shard.master, moments);
    }
  }

  void step(double lr, const GradientDecision& decision) override {
    LF_ASSERT(taken_.defined(), "attach() comes before step()");
    skipped_.add_(decision.skip);
    taken_.add_(1.0).sub_(decision.skip);
    std::vector<AdamWUpdate> updates;
    for (step::FlatShard& shard : shards_) {
      for (const step::FlatSegment& segment : shard.segments) {
        AdamWUpdate& update = updates.emplace_back(
            AdamWUpdate{shard.master, shard.grad, shard.state[kFirst], shard.state[kSecond], shard.weight});
        update.begin = segment.begin;
        update.count = segment.end - segment.begin;
        update.lr = lr * segment.lr_scale;
        update.weight_decay = segment.weight_decay ? config_.weight_decay : 0.0;
        update.beta1 = config_.beta1;
        update.beta2 = config_.beta2;
        update.eps = config_.eps;
      }
    }
    adamw_update(updates, taken_, decision);
  }

  std::vector<std::string> state_names() const override { return {kFirst, kSecond}; }
  at::Tensor skipped() const override { return skipped_; }

  StepCounts counts() const override {
    const at::Tensor host = platform::to_host(at::stack({taken_, skipped_}));
    const double* values = host.const_data_ptr<double>();
    return {static_cast<int64_t>(values[0]), static_cast<int64_t>(values[1])};
  }

  void set_counts(StepCounts counts) override {
    taken_.fill_(static_cast<double>(counts.taken));
    skipped_.fill_(static_cast<double>(counts.skipped));
  }

 private:
  AdamWConfig config_;
  std::span<step::FlatShard> shards_;
  at::Tensor taken_, skipped_;  // fp64 device scalars: a skip is decided on the device
};

}  // namespace

std::unique_ptr<Optimizer> make_adamw(const AdamWConfig& config) {
  for (double beta : {config.beta1, config.beta2}) {
    if (!(beta >= 0 && beta < 1)) throw ConfigError(fmt::format("optim.betas: {} is not in [0, 1)", beta));
  }
  if (!(config.eps >= 0)) throw ConfigError(fmt::format("optim.eps is {}", config.eps));
  return std::make_unique<AdamW>(config);
}

}  // namespace loongforge::optim
