// SPDX-License-Identifier: Apache-2.0
// Square transpositions of 32-bit elements.
#pragma once
#include "kernels/cpu/vec.h"

namespace loongforge::cpu::LF_ISA {

#if defined(__AVX512F__)

/// to[c·to_step + r] = from[r·from_step + c] for r < kWidth and c < columns ≤ kWidth; reads kWidth × kWidth elements.
inline void transpose(const uint32_t* from, int64_t from_step, uint32_t* to, int64_t to_step, int columns) {
  __m512i a[16], b[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) a[i] = _mm512_loadu_si512(from + i * from_step);
#pragma GCC unroll 16
  for (int i = 0; i < 16; i += 2) {
    b[i] = _mm512_unpacklo_epi32(a[i], a[i + 1]);
    b[i + 1] = _mm512_unpackhi_epi32(a[i], a[i + 1]);
  }
  // a[4g + c]: rows 4g…4g+3 of columns c, c+4, c+8, c+12, one in each quarter.
#pragma GCC unroll 16
  for (int i = 0; i < 16; i += 4) {
    a[i] = _mm512_unpacklo_epi64(b[i], b[i + 2]);
    a[i + 1] = _mm512_unpackhi_epi64(b[i], b[i + 2]);
    a[i + 2] = _mm512_unpacklo_epi64(b[i + 1], b[i + 3]);
    a[i + 3] = _mm512_unpackhi_epi64(b[i + 1], b[i + 3]);
  }
  // Then quarters change places, as a 4×4 transposition of them.
#pragma GCC unroll 16
  for (int c = 0; c < 4; ++c) {
    const __m512i low_even = _mm512_shuffle_i32x4(a[c], a[4 + c], 0x88),
                  low_odd = _mm512_shuffle_i32x4(a[c], a[4 + c], 0xdd);
    const __m512i high_even = _mm512_shuffle_i32x4(a[8 + c], a[12 + c], 0x88);
    const __m512i high_odd = _mm512_shuffle_i32x4(a[8 + c], a[12 + c], 0xdd);
    b[c] = _mm512_shuffle_i32x4(low_even, high_even, 0x88);
    b[c + 4] = _mm512_shuffle_i32x4(low_odd, high_odd, 0x88);
    b[c + 8] = _mm512_shuffle_i32x4(low_even, high_even, 0xdd);
    b[c + 12] = _mm512_shuffle_i32x4(low_odd, high_odd, 0xdd);
  }
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) {
    if (i < columns) _mm512_storeu_si512(to + i * to_step, b[i]);
  }
}

#else

/// to[c·to_step + r] = from[r·from_step + c] for r < kWidth and c < columns ≤ kWidth.
inline void transpose(const uint32_t* from, int64_t from_step, uint32_t* to, int64_t to_step, int columns) {
  for (int c = 0; c < columns; ++c) {
    for (int r = 0; r < kWidth; ++r) to[c * to_step + r] = from[r * from_step + c];
  }
}

#endif

}  // namespace loongforge::cpu::LF_ISA
