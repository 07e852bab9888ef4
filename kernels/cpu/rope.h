// SPDX-License-Identifier: Apache-2.0
// Rotation of feature pairs by an angle per row and pair.
#pragma once
#include "kernels/cpu/types.h"

namespace loongforge::cpu {

struct Rope {
  Type type = Type::f32;                        ///< of x and y
  const void* x = nullptr;                      ///< [rows, heads, head_dim], features adjacent
  void* y = nullptr;                            ///< the same shape; may be x itself
  int64_t x_row_stride = 0, x_head_stride = 0;  ///< elements
  int64_t y_row_stride = 0, y_head_stride = 0;
  const float* cos = nullptr;                   ///< [rows, pairs]
  const float* sin = nullptr;
  int64_t heads = 0, head_dim = 0, pairs = 0;   ///< features beyond 2·pairs pass through
  bool interleaved = false;                     ///< pairs are (2i, 2i+1) instead of (i, i + pairs)
  bool inverse = false;                         ///< turns back
};

struct RopeKernels {
  void (*turn)(const Rope& rope, int64_t first_row, int64_t last_row);
};

}  // namespace loongforge::cpu
