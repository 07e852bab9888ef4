// SPDX-License-Identifier: Apache-2.0
// What vec.h needs, in the compiler's vector extensions alone.
#pragma once
#include "kernels/cpu/vec_exponent.h"
#include "kernels/cpu/vec_types.h"

namespace loongforge::cpu::LF_ISA {

/// The larger; b when either is NaN.
[[gnu::always_inline]] inline F32 max(F32 a, F32 b) { return a > b ? a : b; }
[[gnu::always_inline]] inline F32 sqrt(F32 x) {
  for (int i = 0; i < kWidth; ++i) x[i] = __builtin_sqrtf(x[i]);
  return x;
}

constexpr uint32_t kFp16Rebias = 112u << 23;  // fp32's exponent bias less fp16's

[[gnu::always_inline]] inline F32 from_fp16(U16 x) {
  const U32 bits = __builtin_convertvector(x, U32), magnitude = bits & 0x7fffu;
  const F32 subnormal = __builtin_convertvector((I32)magnitude, F32) * 5.9604644775390625e-8f;  // 2^-24 each
  U32 result = (magnitude << 13) + kFp16Rebias;
  result = magnitude >= 0x7c00u ? (magnitude << 13) | 0x7f800000u : result;
  result = magnitude < 0x400u ? (U32)subnormal : result;
  return (F32)(result | ((bits & 0x8000u) << 16));
}

[[gnu::always_inline]] inline U16 to_fp16(F32 x) {
  const U32 bits = (U32)x, magnitude = bits & 0x7fffffffu;
  // Adding 1/2 leaves bits down to 2^-24, fp16's smallest step.
  const U32 subnormal = (U32)((F32)magnitude + 0.5f) - 0x3f000000u;
  U32 result = (magnitude + 0xfffu + ((magnitude >> 13) & 1u) - kFp16Rebias) >> 13;
  result = magnitude < 0x38800000u ? subnormal : result;
  result = magnitude >= 0x477ff000u ? U32{} + 0x7c00u : result;
  result = magnitude > 0x7f800000u ? U32{} + 0x7e00u : result;
  return __builtin_convertvector(result | ((bits >> 16) & 0x8000u), U16);
}

[[gnu::always_inline]] inline U16 to_bf16(F32 x) { return __builtin_convertvector(bf16_bits(x), U16); }

}  // namespace loongforge::cpu::LF_ISA
