// SPDX-License-Identifier: Apache-2.0
// Rotary position embedding (Su et al. 2021).
#pragma once
#include <ATen/core/Tensor.h>

#include <span>
#include <utility>
#include <vector>

namespace loongforge::ops {

/// {cos, sin} of position × frequency, times attention_factor: [rows, frequencies] in acc(dtype).
/// positions int64 [rows]; inv_freq one value per rotated pair.
std::pair<at::Tensor, at::Tensor> rope_tables(const at::Tensor& positions, std::span<const double> inv_freq,
                                              double attention_factor, at::ScalarType dtype);

/// Which features turn together: i with i + width/2 (GPT-NeoX, LLaMA), or 2i with 2i + 1 (the paper, GPT-J).
enum class RopePairing : uint8_t { halves, neighbours };

/// x [rows, heads, head_dim] turned by the tables [rows, width/2]; features beyond `width` pass through. Differentiable.
at::Tensor rope(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin, RopePairing pairing = RopePairing::halves);

/// Splits the rows of a fused projection, [rows, groups, m + 2, head_dim] holding per group m query heads, a key and a value, into
/// {q [rows, groups·m, head_dim], k, v [rows, groups, head_dim]} with q and k turned by the tables. One pass each way.
std::vector<at::Tensor> rope_heads(const at::Tensor& fused, const at::Tensor& cos, const at::Tensor& sin,
                                   RopePairing pairing = RopePairing::halves);
/// The same without turning.
std::vector<at::Tensor> split_heads(const at::Tensor& fused);

}  // namespace loongforge::ops
