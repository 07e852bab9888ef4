// SPDX-License-Identifier: Apache-2.0
#include "loongforge/ops/rms_norm.h"

#include <ATen/ops/rsqrt.h>

#include "loongforge/core/error.h"
#include "loongforge/step/dtype.h"
#include "loongforge/step/function.h"

namespace loongforge::ops {
namespace {

using step::Param;

struct Normed {
  at::Tensor y, rstd;  ///< rstd [..., 1] in acc
};

Normed forward(const at::Tensor& x, const at::Tensor& weight, double eps) {
  const at::Tensor wide = x.to(step::acc(x.scalar_type()));
  const at::Tensor rstd = at::rsqrt(wide.square().mean(-1, /*keepdim=*/true).add_(eps));
  return {wide.mul(rstd).to(x.scalar_type()).mul_(weight), rstd};
}

/// Gradient of x, with `carried` (may be undefined) added; the weight's goes into main_grad.
at::Tensor backward(const at::Tensor& x, const at::Tensor& rstd, const at::Tensor& dy, const at::Tensor& carried,
                    const Param& weight) {
  const at::ScalarType type = step::acc(x.scalar_type());
  const at::Tensor normed = x.to(type).mul(rstd), wide_dy = dy.to(type);
  if (weight.trainable()) {
    const at::Tensor product = wide_dy.mul(normed).view({-1, x.size(-1)});
    weight.main_grad().add_(product.sum(0));
    weight.contributed();
  }
  const at::Tensor scaled = wide_dy.mul(weight.weight().to(type));
  const at::Tensor mean = scaled.mul(normed).mean(-1, /*keepdim=*/true);
  at::Tensor dx = scaled.sub(normed.mul(mean)).mul_(rstd);
  if (carried.defined()) dx = dx.add(carried);
  return dx.to(x.scalar_type());
}

}  // namespace

at::Tensor rms_norm(const at::Tensor& x, const Param& weight, double eps) {
  Normed normed;
  {
    step::NoRecord no_record;
    normed = forward(x, weight.weight(), eps);
  }
  if (!step::recording() || !(x.requires_grad() || weight.trainable())) return normed.y;
  const Param* handle = &weight;
  return step::record("rms_norm", {x}, normed.y, {x, normed.rstd},
                      [handle](const step::Tensors& grads, const step::Tensors& saved) {
                        return step::Tensors{backward(saved[0], saved[1], grads[0], {}, *handle)};
                      });
}

std::pair<at::Tensor, at::Tensor> add_rms_norm(const at::Tensor& x, const at::Tensor& residual, const Param& weight,
                                               double eps) {
  at::Tensor sum;
  Normed normed;
  {
    step::NoRecord no_record;
    sum = x.add(residual);
    normed = forward(sum, weight.weight(), eps);
  }
  if (!step::recording() || !(x.requires_grad() || residual.requires_grad() || weight.trainable())) return {sum, normed.y};
  const Param* handle = &weight;
  step::Tensors outputs{sum, normed.y};
  step::record("add_rms_norm", {x, residual}, outputs, {sum, normed.rstd},
               [handle](const step::Tensors& grads, const step::Tensors& saved) {
                 LF_ASSERT(grads[1].defined(), "add_rms_norm: the normed output is unused");
                 const at::Tensor dx = backward(saved[0], saved[1], grads[1], grads[0], *handle);
                 return step::Tensors{dx, dx};
               });
  return {outputs[0], outputs[1]};
}

}  // namespace loongforge::ops
