// SPDX-License-Identifier: Apache-2.0
// Rotary position embedding (Su et al. 2021), half pairing: feature i turns with feature i + width/2.
#pragma once
#include <ATen/core/Tensor.h>

#include <span>
#include <utility>

namespace loongforge::ops {

/// {cos, sin} of position × frequency, times attention_factor: [rows, frequencies] in acc(dtype).
/// positions int64 [rows]; inv_freq one value per rotated pair.
std::pair<at::Tensor, at::Tensor> rope_tables(const at::Tensor& positions, std::span<const double> inv_freq,
                                              double attention_factor, at::ScalarType dtype);

/// x [rows, heads, head_dim] turned by the tables [rows, width/2]; features beyond `width` pass through. Differentiable.
at::Tensor rope(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin);

}  // namespace loongforge::ops
