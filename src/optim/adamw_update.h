// SPDX-License-Identifier: Apache-2.0
// One AdamW update of a flat range, by the fastest way that its element types and device allow.
#pragma once
#include <ATen/core/Tensor.h>

#include "loongforge/optim/optimizer.h"

namespace loongforge::optim {

struct AdamWUpdate {
  at::Tensor master, grad, exp_avg, exp_avg_sq, weight;  ///< flat, of equal length; weight may alias master
  double lr = 0, weight_decay = 0, beta1 = 0, beta2 = 0, eps = 0;
};

/// `taken`: steps taken including this one, an fp64 device scalar. Nothing but `grad` may change when decision.skip is 1.
void adamw_update(const AdamWUpdate& update, const at::Tensor& taken, const GradientDecision& decision);

}  // namespace loongforge::optim
