// SPDX-License-Identifier: Apache-2.0
#include <ATen/ops/all.h>
#include <ATen/ops/isfinite.h>

#include "loongforge/optim/optimizer.h"

namespace loongforge::optim {
namespace {
constexpr double kNormEpsilon = 1e-6;
}

GradientDecision decide(const at::Tensor& norm, double max_norm, double unscale, const at::Tensor& losses) {
  GradientDecision decision;
  at::Tensor finite = at::isfinite(norm);
  if (losses.defined()) finite.logical_and_(at::all(at::isfinite(losses)));
  decision.skip = finite.logical_not_().to(norm.scalar_type());
  if (max_norm > 0) {
    decision.coefficient = norm.mul(unscale).add_(kNormEpsilon).reciprocal_().mul_(max_norm).clamp_max_(1.0).mul_(unscale);
  } else {
    decision.coefficient = norm.new_full({}, unscale);
  }
  return decision;
}

}  // namespace loongforge::optim
