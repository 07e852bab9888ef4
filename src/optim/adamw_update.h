// SPDX-License-Identifier: Apache-2.0
// AdamW updates of flat ranges, by the fastest way that their element types and device allow.
#pragma once
#include <ATen/core/Tensor.h>

#include <span>

#include "loongforge/optim/optimizer.h"

namespace loongforge::optim {

/// Elements [begin, begin + count) of flat tensors of equal length.
struct AdamWUpdate {
  at::Tensor master, grad, exp_avg, exp_avg_sq, weight;  ///< weight may be the same memory as master
  int64_t begin = 0, count = 0;
  double lr = 0, weight_decay = 0, beta1 = 0, beta2 = 0, eps = 0;
};

/// `taken`: steps taken including this one, an fp64 device scalar. Nothing but `grad` may change when decision.skip is 1.
void adamw_update(std::span<const AdamWUpdate> updates, const at::Tensor& taken, const GradientDecision& decision);

}  // namespace loongforge::optim
