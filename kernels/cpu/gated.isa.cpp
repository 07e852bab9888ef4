// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/gated.h"

#include "kernels/cpu/rows.h"

namespace loongforge::cpu::LF_ISA {
namespace {

[[gnu::always_inline]] inline F32 sigmoid(F32 x) { return 1.0f / (1.0f + exp(-x)); }

template <class T>
void forward_rows(const Swiglu& swiglu, int64_t first_row, int64_t last_row) {
  const int64_t width = swiglu.width;
  for (int64_t row = first_row; row < last_row; ++row) {
    const T* gate = static_cast<const T*>(swiglu.gate_up) + row * 2 * width;
    const T* up = gate + width;
    T* y = static_cast<T*>(swiglu.out) + row * width;
    each_vector(width, [&](int64_t i, auto lanes) {
      const F32 v = load(gate + i, lanes);
      store(y + i, v / (1.0f + exp(-v)) * load(up + i, lanes), lanes);
    });
  }
}

template <class T>
void backward_rows(const Swiglu& swiglu, int64_t first_row, int64_t last_row) {
  const int64_t width = swiglu.width;
  for (int64_t row = first_row; row < last_row; ++row) {
    const T* gate = static_cast<const T*>(swiglu.gate_up) + row * 2 * width;
    const T* up = gate + width;
    const T* dy = static_cast<const T*>(swiglu.dy) + row * width;
    T* dgate = static_cast<T*>(swiglu.out) + row * 2 * width;
    T* dup = dgate + width;
    each_vector(width, [&](int64_t i, auto lanes) {
      const F32 v = load(gate + i, lanes), g = load(dy + i, lanes), s = sigmoid(v);
      store(dgate + i, g * load(up + i, lanes) * s * (1.0f + v * (1.0f - s)), lanes);
      store(dup + i, g * v * s, lanes);
    });
  }
}

void forward(const Swiglu& swiglu, int64_t first_row, int64_t last_row) {
  by_type(swiglu.type, [&](auto* type) { forward_rows<Pointee<decltype(type)>>(swiglu, first_row, last_row); });
}

void backward(const Swiglu& swiglu, int64_t first_row, int64_t last_row) {
  by_type(swiglu.type, [&](auto* type) { backward_rows<Pointee<decltype(type)>>(swiglu, first_row, last_row); });
}

}  // namespace

extern const GatedKernels gated_kernels;
const GatedKernels gated_kernels{forward, backward};

}  // namespace loongforge::cpu::LF_ISA
