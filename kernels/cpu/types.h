// SPDX-License-Identifier: Apache-2.0
// Element types that kernels read and write, the same for every instruction set.
#pragma once
#include <cstdint>

namespace loongforge::cpu {

struct Bf16 {
  uint16_t bits;
};
struct Fp16 {
  uint16_t bits;
};

enum class Type : int32_t { f32, bf16, f16 };

}  // namespace loongforge::cpu
