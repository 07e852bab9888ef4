// SPDX-License-Identifier: Apache-2.0
#include "optim/adamw_update.h"

#include <ATen/ops/_fused_adamw.h>

#include <optional>

namespace loongforge::optim {
namespace {

constexpr at::ScalarType kCounts = at::kFloat;  // the fused operation counts steps and divides in fp32

// The fused operation wants one element type for all four.
void fused_update(const AdamWUpdate& update, const at::Tensor& exp_avg, const at::Tensor& exp_avg_sq, const at::Tensor& taken,
                  const GradientDecision& decision) {
  at::Tensor grad = update.grad.to(update.master.scalar_type());
  const at::Tensor count = taken.to(kCounts), skip = decision.skip.to(kCounts);
  std::optional<at::Tensor> divisor;
  if (grad.scalar_type() == at::kDouble) {
    grad = grad.mul(decision.coefficient);  // the operation's divisor has only fp32 precision
  } else {
    divisor = decision.coefficient.reciprocal().to(kCounts);
  }
  at::_fused_adamw_(update.master, grad, exp_avg, exp_avg_sq, {}, count, update.lr, update.beta1, update.beta2,
                    update.weight_decay, update.eps, /*amsgrad=*/false, /*maximize=*/false, divisor, skip);
}

}  // namespace

void adamw_update(const AdamWUpdate& update, const at::Tensor& taken, const GradientDecision& decision) {
  const at::ScalarType dtype = update.master.scalar_type();
  if (update.exp_avg.scalar_type() == dtype) {
    fused_update(update, update.exp_avg, update.exp_avg_sq, taken, decision);
  } else {
    const at::Tensor first = update.exp_avg.to(dtype), second = update.exp_avg_sq.to(dtype);
    fused_update(update, first, second, taken, decision);
    update.exp_avg.copy_(first);
    update.exp_avg_sq.copy_(second);
  }
  if (!update.weight.is_alias_of(update.master)) update.weight.copy_(update.master);
}

}  // namespace loongforge::optim
