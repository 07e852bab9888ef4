// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <ATen/core/Tensor.h>

#include <optional>

#include "loongforge/step/param.h"

namespace loongforge::ops {

/// The published rows [first, first + count) that this rank holds of a table sharded along dimension 0; the local table
/// has `rows` rows, those beyond `count` being padding.
struct RowRange {
  int64_t first = 0, count = 0, rows = 0;
};
/// From the layout of a parameter whose rows lie contiguously. LF_ASSERTs that they do.
RowRange row_range(const step::Param& table);

/// table[ids]; ids int64 [rows], table [local rows, width]; returns [rows, width]. Ids of other ranks give zeros, so that
/// the sum over ranks is the lookup. Backward adds into main_grad in the gradient's type, in row order (deterministic);
/// the row of `padding_id` gets nothing, as in transformers.
at::Tensor embedding(const at::Tensor& ids, const step::Param& table, std::optional<int64_t> padding_id = std::nullopt);

}  // namespace loongforge::ops
