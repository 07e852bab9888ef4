// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <ATen/core/Tensor.h>

namespace loongforge::ops {

/// silu(gate)·up for gate_up = [gate | up], [rows, 2·width] → [rows, width] (Shazeer 2020). Saves its input only.
at::Tensor swiglu(const at::Tensor& gate_up);

}  // namespace loongforge::ops
