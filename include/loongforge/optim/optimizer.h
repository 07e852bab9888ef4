// SPDX-License-Identifier: Apache-2.0
// Optimizer: steps flat shards of masters. Everything that a step decides (clipping, skipping) stays on the device.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "loongforge/step/flat_shard.h"

namespace loongforge::optim {

/// What the global gradient norm and loss decide. Device scalars, equal on all ranks because these are.
struct GradientDecision {
  at::Tensor coefficient;  ///< factor for the gradients, in the norm's dtype: min(1, max_norm/(norm + 1e-6)), × unscale
  at::Tensor skip;         ///< 1 when the norm or a loss is not finite, else 0; the norm's dtype
};
/// max_norm 0: no clipping. `unscale` multiplies gradients before clipping is judged (1/loss scale in fp16), so the norm
/// that clipping sees is norm × unscale. `losses`: the step's reduced losses, any shape; undefined: not looked at.
GradientDecision decide(const at::Tensor& norm, double max_norm, double unscale = 1.0, const at::Tensor& losses = {});

struct StepCounts {
  int64_t taken = 0, skipped = 0;
};

class Optimizer {
 public:
  virtual ~Optimizer() = default;
  /// Allocates states (zeros) inside the shards, which must outlive the optimizer. Call once.
  virtual void attach(std::span<step::FlatShard> shards) = 0;
  /// One step at learning rate `lr`: master and weight of every shard; nothing changes when decision.skip is 1.
  virtual void step(double lr, const GradientDecision& decision) = 0;
  /// Names of the states that a checkpoint must hold ("exp_avg", "exp_avg_sq").
  virtual std::vector<std::string> state_names() const = 0;
  /// Steps so far. host_sync: reads the device.
  virtual StepCounts counts() const = 0;
  virtual void set_counts(StepCounts counts) = 0;
  /// Steps skipped so far as a device scalar, for metrics that are read later.
  virtual at::Tensor skipped() const = 0;
};

}  // namespace loongforge::optim
