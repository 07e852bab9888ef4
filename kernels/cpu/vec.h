// SPDX-License-Identifier: Apache-2.0
// Vectors of kWidth floats of the instruction set that LF_ISA names, for *.isa.cpp files only. Every function is
// inlined and lives in the set's own namespace: a function shared between sets would be linked in one set's version and
// used by all, so templates of the standard library are not used where this header is.
#pragma once
#include <cstdint>
#include <cstring>

#include "kernels/cpu/types.h"
#if defined(__AVX512F__)
#include "kernels/cpu/vec_avx512.h"
#elif defined(__AVX2__)
#include "kernels/cpu/vec_avx2.h"
#else
#include "kernels/cpu/vec_portable.h"
#endif

namespace loongforge::cpu::LF_ISA {

[[gnu::always_inline]] inline F32 broadcast(float x) { return x - F32{}; }

[[gnu::always_inline]] inline F32 load(const float* p) { return *reinterpret_cast<const F32Loose*>(p); }
[[gnu::always_inline]] inline F32 load(const Bf16* p) {
  const U16 half = *reinterpret_cast<const U16Loose*>(p);
  return reinterpret_cast<F32>(__builtin_convertvector(half, U32) << 16);
}
[[gnu::always_inline]] inline F32 load(const Fp16* p) { return from_fp16(*reinterpret_cast<const U16Loose*>(p)); }

[[gnu::always_inline]] inline void store(float* p, F32 x) { *reinterpret_cast<F32Loose*>(p) = x; }
/// Rounds to nearest even.
[[gnu::always_inline]] inline void store(Bf16* p, F32 x) { *reinterpret_cast<U16Loose*>(p) = to_bf16(x); }
[[gnu::always_inline]] inline void store(Fp16* p, F32 x) { *reinterpret_cast<U16Loose*>(p) = to_fp16(x); }

/// The first n < kWidth elements, zeros behind them.
template <class T>
[[gnu::always_inline]] inline F32 load_first(const T* p, int n) {
  T padded[kWidth] = {};
  memcpy(padded, p, n * sizeof(T));
  return load(padded);
}
template <class T>
[[gnu::always_inline]] inline void store_first(T* p, F32 x, int n) {
  T padded[kWidth];
  store(padded, x);
  memcpy(p, padded, n * sizeof(T));
}

/// 0, 1, 2, …
[[gnu::always_inline]] inline F32 lane_numbers() {
  F32 lanes;
  for (int i = 0; i < kWidth; ++i) lanes[i] = static_cast<float>(i);
  return lanes;
}

/// 2^f for |f| ≤ 1/2 by a minimax polynomial, relative error below 2e-7.
[[gnu::always_inline]] inline F32 exp2_fraction(F32 f) {
  F32 p = 1.535336188e-4f * f + 1.339887440e-3f;
  p = p * f + 9.618437357e-3f;
  p = p * f + 5.550332471e-2f;
  p = p * f + 2.402264791e-1f;
  p = p * f + 6.931472028e-1f;
  return p * f + 1.0f;
}

/// 2^x; 0 for −inf, inf for large x, NaN for NaN.
[[gnu::always_inline]] inline F32 exp2(F32 x) {
  const Split split = split_nearest(x);
  return scale_exponent(exp2_fraction(split.fraction), split.whole);
}

constexpr float kLog2E = 1.44269504089f;

/// e^x.
[[gnu::always_inline]] inline F32 exp(F32 x) { return exp2(x * kLog2E); }

}  // namespace loongforge::cpu::LF_ISA
