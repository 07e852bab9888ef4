// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/rope.h"

#include "kernels/cpu/rows.h"

namespace loongforge::cpu::LF_ISA {
namespace {

template <class T>
void turn_halves(const Rope& rope, const T* x, T* y, const float* cos, const float* sin) {
  const float sign = rope.inverse ? -1.0f : 1.0f;
  const int64_t pairs = rope.pairs;
  each_vector(pairs, [&](int64_t i, auto lanes) {
    const F32 a = load(x + i, lanes), b = load(x + pairs + i, lanes);
    const F32 c = load(cos + i, lanes), s = load(sin + i, lanes) * sign;
    store(y + i, a * c - b * s, lanes);
    store(y + pairs + i, b * c + a * s, lanes);
  });
}

// Two vectors hold kWidth pairs.
template <class T>
void turn_neighbours(const Rope& rope, const T* x, T* y, const float* cos, const float* sin) {
  const float sign = rope.inverse ? -1.0f : 1.0f;
  for (int64_t i = 0; i < rope.pairs; i += kWidth) {
    const int count = static_cast<int>(rope.pairs - i < kWidth ? rope.pairs - i : kWidth);
    T padded[2 * kWidth] = {};
    float both[2 * kWidth];
    memcpy(padded, x + 2 * i, sizeof(T) * 2 * static_cast<size_t>(count));
    store(both, load(padded));
    store(both + kWidth, load(padded + kWidth));
    F32 a, b;
    for (int lane = 0; lane < kWidth; ++lane) {
      a[lane] = both[2 * lane];
      b[lane] = both[2 * lane + 1];
    }
    const F32 c = load_first(cos + i, count), s = load_first(sin + i, count) * sign;
    const F32 turned_a = a * c - b * s, turned_b = b * c + a * s;
    for (int lane = 0; lane < kWidth; ++lane) {
      both[2 * lane] = turned_a[lane];
      both[2 * lane + 1] = turned_b[lane];
    }
    store(padded, load(both));
    store(padded + kWidth, load(both + kWidth));
    memcpy(y + 2 * i, padded, sizeof(T) * 2 * static_cast<size_t>(count));
  }
}

template <class T>
void turn_rows(const Rope& rope, int64_t first_row, int64_t last_row) {
  const int64_t passed = rope.head_dim - 2 * rope.pairs;
  for (int64_t row = first_row; row < last_row; ++row) {
    const float* cos = rope.cos + row * rope.pairs;
    const float* sin = rope.sin + row * rope.pairs;
    for (int64_t head = 0; head < rope.heads; ++head) {
      const T* x = static_cast<const T*>(rope.x) + row * rope.x_row_stride + head * rope.x_head_stride;
      T* y = static_cast<T*>(rope.y) + row * rope.y_row_stride + head * rope.y_head_stride;
      if (rope.interleaved) {
        turn_neighbours(rope, x, y, cos, sin);
      } else {
        turn_halves(rope, x, y, cos, sin);
      }
      if (passed > 0 && x != y) memcpy(y + 2 * rope.pairs, x + 2 * rope.pairs, sizeof(T) * static_cast<size_t>(passed));
    }
  }
}

void turn(const Rope& rope, int64_t first_row, int64_t last_row) {
  by_type(rope.type, [&](auto* type) { turn_rows<Pointee<decltype(type)>>(rope, first_row, last_row); });
}

}  // namespace

extern const RopeKernels rope_kernels;
const RopeKernels rope_kernels{turn};

}  // namespace loongforge::cpu::LF_ISA
