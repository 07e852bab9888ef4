// SPDX-License-Identifier: Apache-2.0
// Grouped-query self-attention with rotary positions over this rank's heads.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "loongforge/step/context.h"
#include "loongforge/step/param.h"
#include "loongforge/step/state.h"

namespace loongforge::nn {

struct AttentionParams {
  const step::Param* qkv = nullptr;  ///< [groups·(q heads + 2)·head_dim, hidden]: per group its q heads, then k, then v
  const step::Param* qkv_bias = nullptr;
  const step::Param* q_norm = nullptr;  ///< [head_dim], with k_norm: norms of each head before the rotation
  const step::Param* k_norm = nullptr;
  const step::Param* out = nullptr;  ///< [hidden, heads·head_dim]
  const step::Param* out_bias = nullptr;
};

struct AttentionConfig {
  int64_t head_dim = 0;
  int64_t heads_per_group = 1;  ///< query heads that share a key-value head in the whole model
  double norm_eps = 0;
  step::AttentionOptions options;
};

/// This rank's share of the heads, from the local shape of the fused projection: whole groups, or a part of one group's
/// query heads with a copy of its k and v.
struct LocalHeads {
  int64_t groups = 1, heads_per_group = 1;
};
LocalHeads local_heads(const step::Param& qkv, const AttentionConfig& config);

class SelfAttention {
 public:
  SelfAttention(AttentionParams params, AttentionConfig config);
  /// x [rows, hidden] inside the region; cos, sin from ops::rope_tables. Returns the block's contribution to the residual
  /// stream, outside the region.
  at::Tensor forward(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin, const step::MicroBatch& batch,
                     step::StepContext& context) const;

 private:
  AttentionParams params_;
  AttentionConfig config_;
  LocalHeads heads_;
};

}  // namespace loongforge::nn
