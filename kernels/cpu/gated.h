// SPDX-License-Identifier: Apache-2.0
// Gated activations over rows [gate | up].
#pragma once
#include "kernels/cpu/types.h"

namespace loongforge::cpu {

struct Swiglu {
  Type type = Type::f32;          ///< of all
  const void* gate_up = nullptr;  ///< [rows, 2·width]
  const void* dy = nullptr;       ///< [rows, width], backward only
  void* out = nullptr;            ///< forward silu(gate)·up [rows, width]; backward the gradient of gate_up
  int64_t width = 0;
};

struct GatedKernels {
  void (*swiglu)(const Swiglu& swiglu, int64_t first_row, int64_t last_row);
  void (*swiglu_backward)(const Swiglu& swiglu, int64_t first_row, int64_t last_row);
};

}  // namespace loongforge::cpu
