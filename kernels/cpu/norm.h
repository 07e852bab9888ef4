// SPDX-License-Identifier: Apache-2.0
// Root mean square norm over contiguous rows, with the residual addition before it.
#pragma once
#include "kernels/cpu/types.h"

namespace loongforge::cpu {

struct NormForward {
  Type type = Type::f32;           ///< of x, residual, weight, sum, y
  const void* x = nullptr;         ///< [rows, width]
  const void* residual = nullptr;  ///< [rows, width]; null: nothing is added
  const void* weight = nullptr;    ///< [width]
  void* sum = nullptr;             ///< [rows, width], with `residual`: x + residual, rounded before it is normed
  void* y = nullptr;               ///< [rows, width]
  float* rstd = nullptr;           ///< [rows]
  int64_t width = 0;
  double eps = 0;
};

struct NormBackward {
  Type type = Type::f32;          ///< of x, weight, dy, carried, dx
  const void* x = nullptr;        ///< [rows, width]: what was normed
  const void* weight = nullptr;   ///< [width]
  const float* rstd = nullptr;    ///< [rows]
  const void* dy = nullptr;       ///< [rows, width]
  const void* carried = nullptr;  ///< [rows, width], added to dx; null: nothing
  void* dx = nullptr;             ///< [rows, width]
  float* partial = nullptr;       ///< [blocks, width]: each block's share of the weight's gradient; null: not wanted
  int64_t rows = 0, width = 0;
  int64_t block_rows = 0;         ///< rows of a block, so that sums don't depend on how blocks are dealt to threads
};

struct NormKernels {
  void (*forward)(const NormForward& norm, int64_t first_row, int64_t last_row);
  void (*backward)(const NormBackward& norm, int64_t first_block, int64_t last_block);
  /// into[width] += the partials [blocks, width], block by block.
  void (*add_partials)(float* into, const float* partial, int64_t blocks, int64_t width);
};

}  // namespace loongforge::cpu
