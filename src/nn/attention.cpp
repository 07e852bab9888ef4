// SPDX-License-Identifier: Apache-2.0
#include "loongforge/nn/attention.h"

#include "loongforge/core/error.h"
#include "loongforge/nn/linear.h"
#include "loongforge/ops/attention.h"
#include "loongforge/ops/linear.h"
#include "loongforge/ops/rms_norm.h"
#include "loongforge/ops/rope.h"

namespace loongforge::nn {

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
  const bool norms = params_.q_norm || params_.k_norm;
  std::vector<at::Tensor> parts = norms ? ops::split_heads(qkv) : ops::rope_heads(qkv, cos, sin);
  if (params_.q_norm) parts[0] = ops::rms_norm(parts[0], *params_.q_norm, config_.norm_eps);
  if (params_.k_norm) parts[1] = ops::rms_norm(parts[1], *params_.k_norm, config_.norm_eps);
  if (norms) {
    parts[0] = ops::rope(parts[0], cos, sin);
    parts[1] = ops::rope(parts[1], cos, sin);
  }
  const at::Tensor attended = ops::attention_of(context.seams).attend(parts[0], parts[1], parts[2], batch, config_.options);
  return row_linear(attended.reshape({rows, groups * per_group * d}), *params_.out, params_.out_bias,
                    step::region_of(context.seams));
}

}  // namespace loongforge::nn
