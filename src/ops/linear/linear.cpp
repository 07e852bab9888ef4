// SPDX-License-Identifier: Apache-2.0
#include "loongforge/ops/linear.h"

#include <ATen/ops/addmm.h>
#include <ATen/ops/mm.h>

#include "loongforge/core/error.h"
#include "loongforge/step/dtype.h"
#include "loongforge/step/function.h"

namespace loongforge::ops {
namespace {

using step::Param;

at::Tensor as_matrix(const at::Tensor& weight) { return weight.dim() == 2 ? weight : weight.view({-1, weight.size(-1)}); }

void accumulate_bias(const Param& bias, const at::Tensor& dy) {
  at::Tensor grad = bias.main_grad().view({-1});
  grad.add_(dy.sum(0, /*keepdim=*/false, grad.scalar_type()));
  bias.contributed();
}

at::Tensor base_forward(const at::Tensor& x, const Param& weight, const Param* bias) {
  const at::Tensor transposed = as_matrix(weight.weight()).t();
  return bias ? at::addmm(bias->weight().view({-1}), x, transposed) : at::mm(x, transposed);
}

at::Tensor base_linear(const at::Tensor& x, const Param& weight, const Param* bias) {
  const bool train_bias = bias && bias->trainable();
  const bool record = step::recording() && (x.requires_grad() || weight.trainable() || train_bias);
  at::Tensor y;
  {
    step::NoRecord no_record;
    y = base_forward(x, weight, bias);
  }
  if (!record) return y;
  const Param* w = &weight;
  const bool x_wants = x.requires_grad();
  step::Tensors saved;
  if (w->trainable()) saved.push_back(x);
  return step::record("linear", {x}, y, saved, [=](const step::Tensors& grads, const step::Tensors& kept) {
    const at::Tensor& dy = grads[0];
    at::Tensor dx;
    if (dy.defined() && x_wants) dx = at::mm(dy, as_matrix(w->weight()));
    if (w->trainable()) {
      if (dy.defined()) accumulate_outer(w->main_grad(), dy, kept[0]);
      w->contributed();
    }
    if (train_bias) accumulate_bias(*bias, dy);
    return step::Tensors{dx};
  });
}

}  // namespace

void accumulate_outer(const at::Tensor& main_grad, const at::Tensor& dy, const at::Tensor& x) {
  at::Tensor grad = as_matrix(main_grad);
  if (grad.scalar_type() == dy.scalar_type()) {
    grad.addmm_(dy.t(), x);
  } else {
    grad.add_(at::mm(dy.t(), x));
  }
}

at::Tensor linear(const at::Tensor& x, const Param& weight, const Param* bias) {
  LF_ASSERT(x.dim() == 2, "linear takes [rows, in], got {} dimensions", x.dim());
  at::Tensor y = base_linear(x, weight, bias);
  if (const step::Adapter* adapter = weight.adapter()) {
    const at::Tensor low = base_linear(x, *adapter->a, nullptr);
    y = y.add(base_linear(low, *adapter->b, nullptr), adapter->scaling);
  }
  return y;
}

at::Tensor add_bias(const at::Tensor& x, const Param& bias) {
  at::Tensor y;
  {
    step::NoRecord no_record;
    y = x.add(bias.weight());
  }
  if (!step::recording() || !(x.requires_grad() || bias.trainable())) return y;
  const Param* handle = &bias;
  return step::record("add_bias", {x}, y, {}, [handle](const step::Tensors& grads, const step::Tensors&) {
    if (handle->trainable()) accumulate_bias(*handle, grads[0]);
    return step::Tensors{grads[0]};
  });
}

}  // namespace loongforge::ops
