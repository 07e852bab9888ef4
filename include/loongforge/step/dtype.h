// SPDX-License-Identifier: Apache-2.0
// The accumulation type for LibTorch's element types.
#pragma once
#include <c10/core/ScalarType.h>

namespace loongforge::step {

/// max(fp32, dtype): norms, softmax, rope tables, logits, losses, gradients and masters use it.
constexpr at::ScalarType acc(at::ScalarType dtype) { return dtype == at::kDouble ? at::kDouble : at::kFloat; }

/// Weights of loss terms and their sums.
inline constexpr at::ScalarType kWeightDtype = at::kDouble;

}  // namespace loongforge::step
