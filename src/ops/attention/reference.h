// SPDX-License-Identifier: Apache-2.0
// Attention composed of ATen calls: the truth in tests, and the way on devices and types without a kernel.
#pragma once
#include <ATen/core/Tensor.h>

#include <vector>

#include "loongforge/step/seams.h"

namespace loongforge::ops {

/// [queries, keys], true where one of the last `queries` rows of a document of `keys` rows may look.
at::Tensor attention_mask(int64_t queries, int64_t keys, const step::AttentionOptions& options, const at::Tensor& like);

/// As ops::attention, differentiated by autograd.
at::Tensor attention_reference(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                               const std::vector<int64_t>& cu_seqlens, const step::AttentionOptions& options);

}  // namespace loongforge::ops
