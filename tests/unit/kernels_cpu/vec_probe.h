// SPDX-License-Identifier: Apache-2.0
// The vector header's functions over arrays, one table per instruction set, for vec_test.
#pragma once
#include "kernels/cpu/types.h"

namespace loongforge::cpu {

/// Each takes n elements; n needs to be no multiple of the width.
struct VecProbe {
  void (*exp2)(const float* x, float* y, int n);
  void (*to_bf16)(const float* x, Bf16* y, int n);
  void (*to_fp16)(const float* x, Fp16* y, int n);
  void (*from_bf16)(const Bf16* x, float* y, int n);
  void (*from_fp16)(const Fp16* x, float* y, int n);
  float (*sum)(const float* x, int n);
  float (*largest)(const float* x, int n);  ///< of zeros and x
};

}  // namespace loongforge::cpu
