// SPDX-License-Identifier: Apache-2.0
#include "loongforge/ops/rms_norm.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/rsqrt.h>

#include <algorithm>

#include "loongforge/core/error.h"
#include "loongforge/step/dtype.h"
#include "loongforge/step/function.h"
#include "step/own_kernel.h"

namespace loongforge::ops {
namespace {

using step::Param;

struct Normed {
  at::Tensor sum;  ///< x, with the residual
  at::Tensor y, rstd;  ///< rstd [..., 1] in acc
};

Normed reference_forward(const at::Tensor& x, const at::Tensor& residual, const at::Tensor& weight, double eps) {
  const at::Tensor sum = residual.defined() ? x.add(residual) : x;
  const at::Tensor wide = sum.to(step::acc(x.scalar_type()));
  const at::Tensor rstd = at::rsqrt(wide.square().mean(-1, /*keepdim=*/true).add_(eps));
  return {sum, wide.mul(rstd).to(x.scalar_type()).mul_(weight), rstd};
}

Normed own_forward(cpu::Type type, const at::Tensor& x, const at::Tensor& residual, const at::Tensor& weight, double eps) {
  std::vector<int64_t> one_a_row = x.sizes().vec();
  one_a_row.back() = 1;
  Normed result{residual.defined() ? at::empty_like(x) : x, at::empty_like(x),
                at::empty(one_a_row, x.options().dtype(step::acc(x.scalar_type())))};
  cpu::NormForward norm{.type = type, .x = x.const_data_ptr(), .weight = weight.const_data_ptr(), .eps = eps};
  if (residual.defined()) {
    norm.residual = residual.const_data_ptr();
    norm.sum = result.sum.data_ptr();
  }
  norm.y = result.y.data_ptr();
  norm.rstd = result.rstd.data_ptr<float>();
  norm.width = x.size(-1);
  platform::parallel_for(result.rstd.numel(), step::grain_rows(norm.width),
                         [&](int64_t begin, int64_t end) { cpu::kernels().norm->forward(norm, begin, end); });
  return result;
}

Normed forward(const at::Tensor& x, const at::Tensor& residual, const at::Tensor& weight, double eps) {
  const auto type = step::kernel_type({x, residual, weight});
  const bool same_shape = !residual.defined() || residual.sizes() == x.sizes();
  return type && same_shape ? own_forward(*type, x, residual, weight, eps) : reference_forward(x, residual, weight, eps);
}

/// Gradient of x, with `carried` (may be undefined) added; the weight's goes into main_grad.
at::Tensor reference_backward(const at::Tensor& x, const at::Tensor& rstd, const at::Tensor& dy, const at::Tensor& carried,
                              const Param& weight) {
  const at::ScalarType type = step::acc(x.scalar_type());
  const at::Tensor normed = x.to(type).mul(rstd), wide_dy = dy.to(type);
  if (weight.trainable()) {
    const at::Tensor product = wide_dy.mul(normed).view({-1, x.size(-1)});
    weight.main_grad().add_(product.sum(0));
  }
  const at::Tensor scaled = wide_dy.mul(weight.weight().to(type));
  const at::Tensor mean = scaled.mul(normed).mean(-1, /*keepdim=*/true);
  at::Tensor dx = scaled.sub(normed.mul(mean)).mul_(rstd);
  if (carried.defined()) dx = dx.add(carried);
  return dx.to(x.scalar_type());
}

// Blocks of rows share out the weight's gradient; their number depends on the shape alone, so that its bits do too.
int64_t rows_of_block(int64_t rows, int64_t width) {
  constexpr int64_t kMaxBlocks = 64;
  return std::max(step::grain_rows(width), (rows + kMaxBlocks - 1) / kMaxBlocks);
}

at::Tensor own_backward(cpu::Type type, const at::Tensor& x, const at::Tensor& rstd, const at::Tensor& dy,
                        const at::Tensor& carried, const Param& weight) {
  const at::Tensor dx = at::empty_like(x);
  cpu::NormBackward norm{.type = type, .x = x.const_data_ptr(), .weight = weight.weight().const_data_ptr()};
  norm.rstd = rstd.const_data_ptr<float>();
  norm.dy = dy.const_data_ptr();
  norm.carried = carried.defined() ? carried.const_data_ptr() : nullptr;
  norm.dx = dx.data_ptr();
  norm.width = x.size(-1);
  norm.rows = rstd.numel();
  norm.block_rows = rows_of_block(norm.rows, norm.width);
  const int64_t blocks = (norm.rows + norm.block_rows - 1) / norm.block_rows;
  at::Tensor partial;
  if (weight.trainable()) {
    partial = at::empty({blocks, norm.width}, rstd.options());
    norm.partial = partial.data_ptr<float>();
  }
  const cpu::NormKernels& kernels = *cpu::kernels().norm;
  platform::parallel_for(blocks, 1, [&](int64_t begin, int64_t end) { kernels.backward(norm, begin, end); });
  if (norm.partial) kernels.add_partials(weight.main_grad().data_ptr<float>(), norm.partial, blocks, norm.width);
  return dx;
}

at::Tensor backward(const at::Tensor& x, const at::Tensor& rstd, const at::Tensor& dy, const at::Tensor& carried,
                    const Param& weight) {
  const at::Tensor grad = dy.contiguous(), kept = carried.defined() ? carried.contiguous() : carried;
  const auto type = step::kernel_type({x, grad, kept, weight.weight()});
  const bool own = type && (!weight.trainable() || step::kernel_type({weight.main_grad()}) == cpu::Type::f32);
  const at::Tensor dx =
      own ? own_backward(*type, x, rstd, grad, kept, weight) : reference_backward(x, rstd, grad, kept, weight);
  if (weight.trainable()) weight.contributed();
  return dx;
}

}  // namespace

at::Tensor rms_norm(const at::Tensor& x, const Param& weight, double eps) {
  Normed normed;
  {
    step::NoRecord no_record;
    normed = forward(x.contiguous(), {}, weight.weight(), eps);
  }
  if (!step::recording() || !(x.requires_grad() || weight.trainable())) return normed.y;
  const Param* handle = &weight;
  return step::record("rms_norm", {x}, normed.y, {normed.sum, normed.rstd},
                      [handle](const step::Tensors& grads, const step::Tensors& saved) {
                        return step::Tensors{backward(saved[0], saved[1], grads[0], {}, *handle)};
                      });
}

std::pair<at::Tensor, at::Tensor> add_rms_norm(const at::Tensor& x, const at::Tensor& residual, const Param& weight,
                                               double eps) {
  Normed normed;
  {
    step::NoRecord no_record;
    normed = forward(x.contiguous(), residual.contiguous(), weight.weight(), eps);
  }
  if (!step::recording() || !(x.requires_grad() || residual.requires_grad() || weight.trainable())) {
    return {normed.sum, normed.y};
  }
  const Param* handle = &weight;
  step::Tensors outputs{normed.sum, normed.y};
  step::record("add_rms_norm", {x, residual}, outputs, {normed.sum, normed.rstd},
               [handle](const step::Tensors& grads, const step::Tensors& saved) {
                 LF_ASSERT(grads[1].defined(), "add_rms_norm: the normed output is unused");
                 const at::Tensor dx = backward(saved[0], saved[1], grads[1], grads[0], *handle);
                 return step::Tensors{dx, dx};
               });
  return {outputs[0], outputs[1]};
}

}  // namespace loongforge::ops
