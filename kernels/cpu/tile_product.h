// SPDX-License-Identifier: Apache-2.0
// Products of small tiles: kTileRows broadcast rows of A times a packed panel of B, one or two vectors wide.
#pragma once
#include "kernels/cpu/vec.h"

namespace loongforge::cpu::LF_ISA {

constexpr int kTileRows = kWidth == 16 ? 8 : 4;
constexpr int kPanelVectors = 2;
constexpr int kPanel = kPanelVectors * kWidth;  ///< columns of a packed panel

/// Two bf16, neighbours along the summed dimension, the first in the low half.
struct Bf16Pair {
  uint32_t bits;
};

/// Steps of the summed dimension that one operand element covers.
template <class E>
constexpr int kSteps = 1;
template <>
inline constexpr int kSteps<Bf16Pair> = 2;

[[gnu::always_inline]] inline F32 multiply_add(float a, F32 b, F32 sum) { return sum + a * b; }
#if defined(__AVX512BF16__)
[[gnu::always_inline]] inline F32 multiply_add(Bf16Pair a, F32 b, F32 sum) {
  return _mm512_dpbf16_ps(sum, (__m512bh)_mm512_set1_epi32(static_cast<int>(a.bits)), (__m512bh)b);
}
#endif

/// What a product starts from: nothing, or what C holds.
enum class Start { zero, sum };

/// C[kTileRows, kVectors·kWidth] (+)= Σ over depth of A[row·a_row + k·a_step] · B[k·b_step + column].
template <Start kStart, int kVectors, class E>
[[gnu::noinline]] void tile_product(int depth, const E* a, int64_t a_row, int64_t a_step, const E* b, int64_t b_step,
                                    float* c, int64_t c_row) {
  F32 sums[kTileRows][kVectors];
#pragma GCC unroll 16
  for (int m = 0; m < kTileRows; ++m) {
#pragma GCC unroll 16
    for (int n = 0; n < kVectors; ++n) sums[m][n] = kStart == Start::sum ? load(c + m * c_row + n * kWidth) : F32{};
  }
#pragma GCC unroll 1
  for (int k = 0; k < depth; ++k) {
    F32 columns[kVectors];
#pragma GCC unroll 16
    for (int n = 0; n < kVectors; ++n) columns[n] = *reinterpret_cast<const F32Loose*>(b + n * kWidth);
#pragma GCC unroll 16
    for (int m = 0; m < kTileRows; ++m) {
      const E row = a[m * a_row];
#pragma GCC unroll 16
      for (int n = 0; n < kVectors; ++n) sums[m][n] = multiply_add(row, columns[n], sums[m][n]);
    }
    a += a_step;
    b += b_step;
  }
#pragma GCC unroll 16
  for (int m = 0; m < kTileRows; ++m) {
#pragma GCC unroll 16
    for (int n = 0; n < kVectors; ++n) store(c + m * c_row + n * kWidth, sums[m][n]);
  }
}

/// The same for `columns` ≤ kPanel columns, rounded up to whole vectors.
template <Start kStart, class E>
[[gnu::always_inline]] inline void panel_product(int columns, int depth, const E* a, int64_t a_row, int64_t a_step,
                                                 const E* b, int64_t b_step, float* c, int64_t c_row) {
  if (columns <= kWidth) {
    tile_product<kStart, 1>(depth, a, a_row, a_step, b, b_step, c, c_row);
  } else {
    tile_product<kStart, kPanelVectors>(depth, a, a_row, a_step, b, b_step, c, c_row);
  }
}

}  // namespace loongforge::cpu::LF_ISA
