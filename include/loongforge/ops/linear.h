// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <ATen/core/Tensor.h>

#include "loongforge/step/param.h"

namespace loongforge::ops {

/// y = x·Wᵀ (+ bias) (+ the weight's adapter). x [rows, in]; weight [out, in], or [n, out, in] read as [n·out, in];
/// returns [rows, out]. Backward adds dyᵀ·x and Σdy straight into main_grad and contributes once per parameter; frozen
/// parameters are skipped. Saves x only.
at::Tensor linear(const at::Tensor& x, const step::Param& weight, const step::Param* bias = nullptr);

/// y = x + bias, for a bias that is added once after the reduction of a row-parallel linear. x [rows, out].
at::Tensor add_bias(const at::Tensor& x, const step::Param& bias);

/// grad += dyᵀ·x for a 2-D (or stacked) gradient accumulator, in its own element type.
void accumulate_outer(const at::Tensor& main_grad, const at::Tensor& dy, const at::Tensor& x);

}  // namespace loongforge::ops
