// SPDX-License-Identifier: Apache-2.0
// What vec.h needs of AVX2 with FMA and F16C.
#pragma once
#include <immintrin.h>

#include "kernels/cpu/vec_types.h"
#include "kernels/cpu/vec_exponent.h"

namespace loongforge::cpu::LF_ISA {

/// The larger; b when either is NaN.
[[gnu::always_inline]] inline F32 max(F32 a, F32 b) { return _mm256_max_ps(a, b); }
[[gnu::always_inline]] inline F32 sqrt(F32 x) { return _mm256_sqrt_ps(x); }

[[gnu::always_inline]] inline F32 from_fp16(U16 x) { return _mm256_cvtph_ps((__m128i)x); }
[[gnu::always_inline]] inline U16 to_fp16(F32 x) { return (U16)_mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT); }
[[gnu::always_inline]] inline U16 to_bf16(F32 x) { return __builtin_convertvector(bf16_bits(x), U16); }

}  // namespace loongforge::cpu::LF_ISA
