// SPDX-License-Identifier: Apache-2.0
// The vector types behind vec.h, and what every set does alike with integers.
#pragma once
#include <cstdint>

namespace loongforge::cpu::LF_ISA {

#if defined(__AVX512F__)
constexpr int kWidth = 16;
#elif defined(__AVX2__)
constexpr int kWidth = 8;
#else
constexpr int kWidth = 4;
#endif

typedef float F32 __attribute__((vector_size(4 * kWidth)));
typedef int32_t I32 __attribute__((vector_size(4 * kWidth)));
typedef uint32_t U32 __attribute__((vector_size(4 * kWidth)));
typedef uint16_t U16 __attribute__((vector_size(2 * kWidth)));
// The same at any address, over memory of any type.
typedef float F32Loose __attribute__((vector_size(4 * kWidth), aligned(4), may_alias));
typedef uint32_t U32Loose __attribute__((vector_size(4 * kWidth), aligned(4), may_alias));
typedef uint16_t U16Loose __attribute__((vector_size(2 * kWidth), aligned(2), may_alias));

/// The bf16 nearest to x (ties to even) in the low half of each lane; NaN stays NaN.
[[gnu::always_inline]] inline U32 bf16_bits(F32 x) {
  const U32 bits = (U32)x;
  const U32 rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  return (bits & 0x7fffffffu) > 0x7f800000u ? (bits >> 16) | 0x40u : rounded;
}

}  // namespace loongforge::cpu::LF_ISA
