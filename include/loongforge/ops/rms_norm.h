// SPDX-License-Identifier: Apache-2.0
// Root mean square norm (Zhang and Sennrich 2019), with the cast before the weight as in LLaMA and Qwen.
#pragma once
#include <ATen/core/Tensor.h>

#include <utility>

#include "loongforge/step/param.h"

namespace loongforge::ops {

/// y = (x·rsqrt(mean(x²) + eps)) cast to x's type, times weight; statistics in acc(dtype). x [..., width], weight [width].
at::Tensor rms_norm(const at::Tensor& x, const step::Param& weight, double eps);

/// {sum, rms_norm(sum)} with sum = x + residual: the residual connection and the norm that follows it in one pass.
std::pair<at::Tensor, at::Tensor> add_rms_norm(const at::Tensor& x, const at::Tensor& residual, const step::Param& weight,
                                               double eps);

}  // namespace loongforge::ops
