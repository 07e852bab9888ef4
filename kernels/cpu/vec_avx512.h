// SPDX-License-Identifier: Apache-2.0
// What vec.h needs of AVX-512, with bf16 conversions where the set has them.
#pragma once
#include <immintrin.h>

#include "kernels/cpu/vec_types.h"

namespace loongforge::cpu::LF_ISA {

/// The larger; b when either is NaN.
[[gnu::always_inline]] inline F32 max(F32 a, F32 b) { return _mm512_max_ps(a, b); }
[[gnu::always_inline]] inline float sum(F32 x) { return _mm512_reduce_add_ps(x); }
[[gnu::always_inline]] inline float largest(F32 x) { return _mm512_reduce_max_ps(x); }
[[gnu::always_inline]] inline F32 sqrt(F32 x) { return _mm512_sqrt_ps(x); }

/// x = whole + fraction, whole the nearest integer; the fraction of an infinity is 0.
struct Split {
  F32 whole, fraction;
};
[[gnu::always_inline]] inline Split split_nearest(F32 x) {
  constexpr int kNearestQuiet = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
  return {_mm512_roundscale_ps(x, kNearestQuiet), _mm512_reduce_ps(x, kNearestQuiet)};
}
/// x · 2^exponent.
[[gnu::always_inline]] inline F32 scale_exponent(F32 x, F32 exponent) { return _mm512_scalef_ps(x, exponent); }

[[gnu::always_inline]] inline F32 from_fp16(U16 x) { return _mm512_cvtph_ps((__m256i)x); }
[[gnu::always_inline]] inline U16 to_fp16(F32 x) { return (U16)_mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT); }
[[gnu::always_inline]] inline U16 to_bf16(F32 x) {
#if defined(__AVX512BF16__)
  return (U16)_mm512_cvtneps_pbh(x);
#else
  return __builtin_convertvector(bf16_bits(x), U16);
#endif
}

}  // namespace loongforge::cpu::LF_ISA
