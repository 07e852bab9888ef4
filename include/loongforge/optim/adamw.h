// SPDX-License-Identifier: Apache-2.0
// AdamW (Loshchilov & Hutter 2019) over flat shards.
#pragma once
#include <memory>
#include <optional>

#include "loongforge/core/dtype.h"
#include "loongforge/optim/optimizer.h"

namespace loongforge::optim {

struct AdamWConfig {
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0.01;
  std::optional<Dtype> moments;  ///< default: the master's
};

/// m ← β1·m + (1−β1)·g;  v ← β2·v + (1−β2)·g²;  p ← p·(1−η·λ) − η·(m/(1−β1^τ))/(√(v/(1−β2^τ)) + ε), where
/// η = lr·lr_scale of the segment and τ counts the steps that were taken. Bias corrections in fp64.
std::unique_ptr<Optimizer> make_adamw(const AdamWConfig& config);

}  // namespace loongforge::optim
