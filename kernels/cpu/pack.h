// SPDX-License-Identifier: Apache-2.0
// Brings rows of q, k, v and d_out into the forms that tile products read, and results back.
#pragma once
#include "kernels/cpu/tile_product.h"
#include "kernels/cpu/transpose.h"

namespace loongforge::cpu::LF_ISA {

constexpr int round_up(int64_t x, int unit) { return static_cast<int>((x + unit - 1) / unit * unit); }
constexpr int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
constexpr int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

constexpr int kWidest = 256;  ///< features of a row at most

/// How a row of features lies in operands and results.
template <class E>
struct Width {
  explicit Width(int64_t features)
      : features(static_cast<int>(features)),
        depth(round_up(features, kSteps<E>) / kSteps<E>),
        wide(round_up(features, kWidth)),
        panels(round_up(features, kPanel) / kPanel) {}

  int features;
  int depth;   ///< operand elements of a row that is summed over
  int wide;    ///< columns of a result row: whole vectors
  int panels;  ///< of a result row

  /// Columns of a result row's panel p.
  int columns(int p) const { return static_cast<int>(smaller(kPanel, wide - p * kPanel)); }
};

/// to[0, padded) = row[0, n) and zeros.
template <class T>
void widen_row(const T* row, int n, float* to, int padded) {
  int i = 0;
  for (; i + kWidth <= n; i += kWidth) store(to + i, load(row + i));
  if (i < n) {
    store_first(to + i, load_first(row + i, n - i), n - i);
    i = n;
  }
  for (; i < padded; ++i) to[i] = 0;
}
inline void widen_row(const Bf16* row, int n, Bf16Pair* to, int padded) {
  memcpy(to, row, n * sizeof(Bf16));
  memset(reinterpret_cast<Bf16*>(to) + n, 0, (2 * padded - n) * sizeof(Bf16));
}

/// Rows of operand elements along the features, `stride` apart and zero-padded to `padded` elements and `padded_rows`
/// rows.
template <class T, class E>
void copy_rows(const T* from, int64_t row_step, int rows, int padded_rows, int features, E* to, int stride,
               int padded) {
  for (int i = 0; i < rows; ++i) widen_row(from + i * row_step, features, to + i * stride, padded);
  for (int i = rows; i < padded_rows; ++i) memset(to + i * stride, 0, padded * sizeof(E));
}

/// One row of operand elements for sums over rows, the i-th of `rows` rows; zero-padded to `padded` columns.
template <class T>
void summed_row(const T* from, int64_t row_step, int i, int /*rows*/, int features, float* to, int padded) {
  widen_row(from + i * row_step, features, to, padded);
}
inline void summed_row(const Bf16* from, int64_t row_step, int i, int rows, int features, Bf16Pair* to, int padded) {
  static const Bf16 kZeros[kWidest] = {};
  const Bf16* __restrict even = from + 2 * i * row_step;
  const Bf16* __restrict odd = 2 * i + 1 < rows ? even + row_step : kZeros;
  Bf16Pair* __restrict pairs = to;
  for (int c = 0; c < features; ++c) pairs[c].bits = even[c].bits | static_cast<uint32_t>(odd[c].bits) << 16;
  for (int c = features; c < padded; ++c) pairs[c].bits = 0;
}

/// Operand rows for sums over `rows` rows, [row][stride], zero up to `padded_rows` rows and `wide` columns.
template <class T, class E>
void copy_summed_rows(const T* from, int64_t row_step, int rows, int padded_rows, E* to, int stride,
                      const Width<E>& width) {
  const int filled = round_up(rows, kSteps<E>) / kSteps<E>;
  for (int i = 0; i < filled; ++i) summed_row(from, row_step, i, rows, width.features, to + i * stride, width.wide);
  for (int i = filled; i < padded_rows / kSteps<E>; ++i) memset(to + i * stride, 0, width.wide * sizeof(E));
}

/// The same rows in panels, [panel][row][kPanel], panels `panel_step` elements apart.
template <class T, class E>
void pack_summed_rows(const T* from, int64_t row_step, int rows, E* to, int64_t panel_step, const Width<E>& width) {
  alignas(64) E row[kWidest];
  const int filled = round_up(rows, kSteps<E>) / kSteps<E>;
  for (int i = 0; i < filled; ++i) {
    summed_row(from, row_step, i, rows, width.features, row, width.panels * kPanel);
    for (int p = 0; p < width.panels; ++p)
      memcpy(to + p * panel_step + i * kPanel, row + p * kPanel, kPanel * sizeof(E));
  }
}

/// Rows as columns of panels, [row/kPanel][depth][kPanel]; columns behind the last row are zero.
template <class T, class E>
void pack_transposed(const T* from, int64_t row_step, int rows, E* to, const Width<E>& width) {
  alignas(64) E block[kWidth * kWidest];
  const int padded = round_up(width.depth, kWidth);
  for (int row = 0; row < round_up(rows, kPanel); row += kWidth) {
    const int there = static_cast<int>(smaller(kWidth, larger(0, rows - row)));
    copy_rows(from + row * row_step, row_step, there, kWidth, width.features, block, padded, padded);
    E* column = to + static_cast<int64_t>(row / kPanel) * width.depth * kPanel + row % kPanel;
    for (int d = 0; d < width.depth; d += kWidth) {
      transpose(reinterpret_cast<const uint32_t*>(block + d), padded, reinterpret_cast<uint32_t*>(column + d * kPanel),
                kPanel, static_cast<int>(smaller(kWidth, width.depth - d)));
    }
  }
}

/// to[0, n) = from[0, n) · factor, rounded to T.
template <class T>
void write_row(const float* from, float factor, T* to, int n) {
  int i = 0;
  for (; i + kWidth <= n; i += kWidth) store(to + i, load(from + i) * factor);
  if (i < n) store_first(to + i, load(from + i) * factor, n - i);
}

/// Carves typed, aligned pieces out of a workspace; over no memory it only counts.
class Arena {
 public:
  explicit Arena(void* base) : base_(static_cast<char*>(base)) {}
  template <class X>
  X* take(int64_t count) {
    X* piece = base_ ? reinterpret_cast<X*>(base_ + used_) : nullptr;
    used_ += (count * static_cast<int64_t>(sizeof(X)) + 63) / 64 * 64 + 64;  // a line apart, against equal cache sets
    return piece;
  }
  int64_t used() const { return used_; }

 private:
  char* base_;
  int64_t used_ = 0;
};

}  // namespace loongforge::cpu::LF_ISA
