// SPDX-License-Identifier: Apache-2.0
// AdamW over flat ranges in one pass, and the sum of squares behind the gradient norm.
#pragma once
#include "kernels/cpu/types.h"

namespace loongforge::cpu {

/// master [n] in fp32 with everything that its update reads and writes.
struct AdamW {
  Type grad_type = Type::f32, moment_type = Type::f32, weight_type = Type::bf16;
  float* master = nullptr;
  const void* grad = nullptr;
  void* exp_avg = nullptr;
  void* exp_avg_sq = nullptr;
  void* weight = nullptr;  ///< receives the rounded master; null: nothing
  double lr = 0, weight_decay = 0, beta1 = 0, beta2 = 0, eps = 0;
  const double* taken = nullptr;        ///< steps so far, this one included
  const double* coefficient = nullptr;  ///< factor of the gradient
  const double* skip = nullptr;         ///< not 0: nothing changes
};

struct AdamWKernels {
  void (*update)(const AdamW& adamw, int64_t begin, int64_t end);
  /// Σ x² of n elements, in fp64.
  double (*square_sum)(Type type, const void* x, int64_t n);
};

}  // namespace loongforge::cpu
