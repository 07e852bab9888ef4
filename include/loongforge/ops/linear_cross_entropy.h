// SPDX-License-Identifier: Apache-2.0
// Output projection and cross entropy in one op, over chunks of rows, so that the full logits never exist; with the classes
// sharded over a tensor-parallel region (Shoeybi et al. 2019, §3).
#pragma once
#include <ATen/core/Tensor.h>

#include "loongforge/step/param.h"
#include "loongforge/step/seams.h"

namespace loongforge::ops {

/// Rows with this label have no loss.
inline constexpr int64_t kIgnoredLabel = -100;

struct CrossEntropyOptions {
  at::Tensor labels;       ///< int64 [rows]
  at::Tensor row_weights;  ///< real [rows], or undefined for 1
  double seed = 0;         ///< the gradient that flows into the returned sum
  bool want_grad = true;   ///< false: the loss only
  int64_t chunk_rows = 0;  ///< 0: chosen from the number of classes
};

/// Σ_rows weight·(logsumexp(logits) − logits[label]) with logits = hidden·Wᵀ: a scalar in acc(dtype), whole on every rank of
/// the region. hidden [rows, width] whole rows; `head` [local classes, width], padded rows count as −inf.
/// With gradients on, the backward is already computed here for `seed`: dW is added to main_grad and the gradient of
/// `hidden` saved; the backward hands it on whatever gradient arrives (LossTerm::seeded) and contributes.
at::Tensor linear_cross_entropy(const at::Tensor& hidden, const step::Param& head, const CrossEntropyOptions& options,
                                step::RegionComm& region);

/// The logits in acc(dtype), [rows, classes] without padding, whole on every rank of the region. Not differentiable.
at::Tensor logits(const at::Tensor& hidden, const step::Param& head, step::RegionComm& region);

}  // namespace loongforge::ops
