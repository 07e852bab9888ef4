// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <ATen/core/Tensor.h>

#include <vector>

#include "loongforge/step/seams.h"

namespace loongforge::ops {

/// softmax(scale·q·kᵀ)·v inside each document. q [rows, heads, head_dim], k and v [rows, kv_heads, head_dim]; document i is
/// rows [cu_seqlens[i], cu_seqlens[i+1]). Query head h reads kv head h / (heads/kv_heads). Returns [rows, heads, head_dim].
at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const std::vector<int64_t>& cu_seqlens,
                     const step::AttentionOptions& options);

/// One document whose rows so far are k and v [past + rows, kv_heads, head_dim] and whose last rows ask: q [rows, heads,
/// head_dim]. For generation with a key-value cache; not differentiable.
at::Tensor attention_with_past(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                               const step::AttentionOptions& options);

/// The one-rank AttentionEngine: whole documents on this rank, borders from the batch's host list "cu_seqlens".
class LocalAttention final : public step::AttentionEngine {
 public:
  at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const step::MicroBatch& batch,
                    const step::AttentionOptions& options) override;
};

/// The engine of `seams`, or the one-rank form when it is unset.
step::AttentionEngine& attention_of(const step::Seams& seams);

}  // namespace loongforge::ops
