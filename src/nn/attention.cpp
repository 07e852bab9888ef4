// SPDX-License-Identifier: Apache-2.0
#include "loongforge/nn/attention.h"

#include <ATen/ops/cat.h>

#include "loongforge/core/error.h"
#include "loongforge/nn/linear.h"
#include "loongforge/ops/attention.h"
#include "loongforge/ops/linear.h"
#include "loongforge/ops/rms_norm.h"
#include "loongforge/ops/rope.h"
#include "loongforge/step/function.h"

namespace loongforge::nn {
namespace {

/// Fused rows [rows, groups, q heads + 2, head_dim] → {q [rows, groups·q heads, head_dim], k, v [rows, groups, head_dim]}.
/// One backward joins the three gradients, where differentiating the views would pad each to full size and add them.
step::Tensors split_heads(const at::Tensor& fused) {
  const int64_t rows = fused.size(0), groups = fused.size(1), per_group = fused.size(2) - 2, d = fused.size(3);
  step::Tensors parts;
  {
    step::NoRecord no_record;
    const at::Tensor x = fused.detach();
    parts = {x.narrow(2, 0, per_group).reshape({rows, groups * per_group, d}), x.select(2, per_group),
             x.select(2, per_group + 1)};
    // Outputs of a recorded op are no views of its input.
    if (fused.requires_grad()) {
      for (at::Tensor& part : parts) part = part.is_alias_of(fused) ? part.clone() : part;
    }
  }
  if (!step::wants_grad({fused})) return parts;
  step::record("split_heads", {fused}, parts, {}, [=](const step::Tensors& grads, const step::Tensors&) {
    return step::Tensors{at::cat({grads[0].reshape({rows, groups, per_group, d}), grads[1].unsqueeze(2),
                                  grads[2].unsqueeze(2)}, 2)};
  });
  return parts;
}

}  // namespace

LocalHeads local_heads(const step::Param& qkv, const AttentionConfig& config) {
  const int64_t rows = qkv.layout().shape[0], d = config.head_dim;
  const int64_t unit = (config.heads_per_group + 2) * d;
  const int64_t groups = rows % unit == 0 ? rows / unit : 1;
  LF_ASSERT(groups > 0 && rows % (groups * d) == 0 && rows / (groups * d) > 2, "{}: {} rows are no heads of {}", qkv.name(),
            rows, d);
  return {groups, rows / (groups * d) - 2};
}

SelfAttention::SelfAttention(AttentionParams params, AttentionConfig config)
    : params_(params), config_(config), heads_(local_heads(*params.qkv, config)) {}

at::Tensor SelfAttention::forward(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin,
                                  const step::MicroBatch& batch, step::StepContext& context) const {
  const int64_t rows = x.size(0), d = config_.head_dim, groups = heads_.groups, per_group = heads_.heads_per_group;
  const at::Tensor qkv = ops::linear(x, *params_.qkv, params_.qkv_bias).view({rows, groups, per_group + 2, d});
  const step::Tensors parts = split_heads(qkv);
  at::Tensor q = parts[0], k = parts[1];
  const at::Tensor& v = parts[2];
  if (params_.q_norm) q = ops::rms_norm(q, *params_.q_norm, config_.norm_eps);
  if (params_.k_norm) k = ops::rms_norm(k, *params_.k_norm, config_.norm_eps);
  const at::Tensor attended = ops::attention_of(context.seams)
                                  .attend(ops::rope(q, cos, sin), ops::rope(k, cos, sin), v, batch, config_.options);
  return row_linear(attended.reshape({rows, groups * per_group * d}), *params_.out, params_.out_bias,
                    step::region_of(context.seams));
}

}  // namespace loongforge::nn
