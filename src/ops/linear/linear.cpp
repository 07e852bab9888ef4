// SPDX-License-Identifier: Apache-2.0
#include "loongforge/ops/linear.h"

#include <ATen/ops/cat.h>

#include "loongforge/core/error.h"
#include "loongforge/ops/product.h"
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
  return bias ? product_plus(bias->weight().view({-1}), x, transposed) : product(x, transposed);
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
    if (dy.defined() && x_wants) dx = product(dy, as_matrix(w->weight()));
    if (w->trainable()) {
      if (dy.defined()) accumulate_outer(w->main_grad(), dy, kept[0]);
      w->contributed();
    }
    if (train_bias) accumulate_bias(*bias, dy);
    return step::Tensors{dx};
  });
}

// B with each linear's rows moved to the columns of its own low-rank values: [out, m·rank].
at::Tensor spread(const at::Tensor& b, const std::vector<at::Tensor>& masks) {
  std::vector<at::Tensor> columns;
  for (const at::Tensor& mask : masks) columns.push_back(b.mul(mask.unsqueeze(1)));
  return at::cat(columns, 1);
}

// low·spread(B)ᵀ for the adapters of fused linears.
at::Tensor fused_up(const at::Tensor& low, const step::Adapter& adapter) {
  const bool record = step::recording() && (low.requires_grad() || adapter.b->trainable());
  at::Tensor y;
  {
    step::NoRecord no_record;
    y = product(low, spread(as_matrix(adapter.b->weight()), adapter.row_masks).t());
  }
  if (!record) return y;
  const step::Adapter* slot = &adapter;
  return step::record("fused_adapter", {low}, y, {low}, [slot](const step::Tensors& grads, const step::Tensors& saved) {
    const at::Tensor& dy = grads[0];
    const Param& b = *slot->b;
    if (b.trainable()) {
      const at::Tensor outer = product(dy.t(), saved[0]);
      const int64_t rank = outer.size(1) / static_cast<int64_t>(slot->row_masks.size());
      const at::Tensor grad = as_matrix(b.main_grad());
      for (size_t m = 0; m < slot->row_masks.size(); ++m) {
        grad.add_(outer.narrow(1, static_cast<int64_t>(m) * rank, rank).mul(slot->row_masks[m].unsqueeze(1)));
      }
      b.contributed();
    }
    return step::Tensors{product(dy, spread(as_matrix(b.weight()), slot->row_masks))};
  });
}

}  // namespace

void accumulate_outer(const at::Tensor& main_grad, const at::Tensor& dy, const at::Tensor& x) {
  add_product(as_matrix(main_grad), dy.t(), x);
}

at::Tensor linear(const at::Tensor& x, const Param& weight, const Param* bias) {
  LF_ASSERT(x.dim() == 2, "linear takes [rows, in], got {} dimensions", x.dim());
  at::Tensor y = base_linear(x, weight, bias);
  if (const step::Adapter* adapter = weight.adapter()) {
    const at::Tensor low = base_linear(x, *adapter->a, nullptr);
    y = y.add(adapter->row_masks.empty() ? base_linear(low, *adapter->b, nullptr) : fused_up(low, *adapter), adapter->scaling);
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
