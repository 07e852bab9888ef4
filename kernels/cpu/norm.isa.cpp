// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/norm.h"

#include "kernels/cpu/rows.h"

namespace loongforge::cpu::LF_ISA {
namespace {

template <class T>
float square_sum_of_row(const NormForward& norm, const T* x, int64_t row) {
  F32 squares{};
  if (norm.residual) {
    const T* residual = static_cast<const T*>(norm.residual) + row * norm.width;
    T* out = static_cast<T*>(norm.sum) + row * norm.width;
    each_vector(norm.width, [&](int64_t i, auto lanes) {
      const F32 v = rounded(load(x + i, lanes) + load(residual + i, lanes), x);
      store(out + i, v, lanes);
      squares += v * v;
    });
  } else {
    each_vector(norm.width, [&](int64_t i, auto lanes) {
      const F32 v = load(x + i, lanes);
      squares += v * v;
    });
  }
  return sum(squares);
}

template <class T>
void forward_rows(const NormForward& norm, int64_t first_row, int64_t last_row) {
  const T* weight = static_cast<const T*>(norm.weight);
  const float count = static_cast<float>(norm.width), eps = static_cast<float>(norm.eps);
  for (int64_t row = first_row; row < last_row; ++row) {
    const T* x = static_cast<const T*>(norm.x) + row * norm.width;
    const float rstd = 1.0f / __builtin_sqrtf(square_sum_of_row(norm, x, row) / count + eps);
    norm.rstd[row] = rstd;
    if (norm.residual) x = static_cast<const T*>(norm.sum) + row * norm.width;
    T* y = static_cast<T*>(norm.y) + row * norm.width;
    each_vector(norm.width, [&](int64_t i, auto lanes) {
      store(y + i, rounded(load(x + i, lanes) * rstd, x) * load(weight + i, lanes), lanes);
    });
  }
}

/// Adds dy·normed to `partial` unless it is null; returns mean(dy·weight·normed).
template <class T>
float reduce_row(const NormBackward& norm, const T* x, const T* dy, float rstd, float* partial) {
  const T* weight = static_cast<const T*>(norm.weight);
  F32 dot{};
  if (partial) {
    each_vector(norm.width, [&](int64_t i, auto lanes) {
      const F32 product = load(dy + i, lanes) * (load(x + i, lanes) * rstd);
      store(partial + i, load(partial + i, lanes) + product, lanes);
      dot += product * load(weight + i, lanes);
    });
  } else {
    each_vector(norm.width, [&](int64_t i, auto lanes) {
      dot += load(dy + i, lanes) * (load(x + i, lanes) * rstd) * load(weight + i, lanes);
    });
  }
  return sum(dot) / static_cast<float>(norm.width);
}

template <class T>
void backward_row(const NormBackward& norm, int64_t row, float* partial) {
  const int64_t at = row * norm.width;
  const T* x = static_cast<const T*>(norm.x) + at;
  const T* dy = static_cast<const T*>(norm.dy) + at;
  const T* weight = static_cast<const T*>(norm.weight);
  const T* carried = norm.carried ? static_cast<const T*>(norm.carried) + at : nullptr;
  T* dx = static_cast<T*>(norm.dx) + at;
  const float rstd = norm.rstd[row], mean = reduce_row(norm, x, dy, rstd, partial);
  const auto gradient = [&](int64_t i, auto lanes) {
    return (load(dy + i, lanes) * load(weight + i, lanes) - load(x + i, lanes) * rstd * mean) * rstd;
  };
  if (carried) {
    each_vector(norm.width, [&](int64_t i, auto lanes) { store(dx + i, gradient(i, lanes) + load(carried + i, lanes), lanes); });
  } else {
    each_vector(norm.width, [&](int64_t i, auto lanes) { store(dx + i, gradient(i, lanes), lanes); });
  }
}

template <class T>
void backward_blocks(const NormBackward& norm, int64_t first_block, int64_t last_block) {
  for (int64_t block = first_block; block < last_block; ++block) {
    float* partial = norm.partial ? norm.partial + block * norm.width : nullptr;
    if (partial) memset(partial, 0, sizeof(float) * static_cast<size_t>(norm.width));
    const int64_t first_row = block * norm.block_rows, end = first_row + norm.block_rows;
    const int64_t last_row = end < norm.rows ? end : norm.rows;
    for (int64_t row = first_row; row < last_row; ++row) backward_row<T>(norm, row, partial);
  }
}

void forward(const NormForward& norm, int64_t first_row, int64_t last_row) {
  by_type(norm.type, [&](auto* type) { forward_rows<Pointee<decltype(type)>>(norm, first_row, last_row); });
}

void backward(const NormBackward& norm, int64_t first_block, int64_t last_block) {
  by_type(norm.type, [&](auto* type) { backward_blocks<Pointee<decltype(type)>>(norm, first_block, last_block); });
}

void add_partials(float* into, const float* partial, int64_t blocks, int64_t width) {
  each_vector(width, [&](int64_t i, auto lanes) {
    F32 total{};
    for (int64_t block = 0; block < blocks; ++block) total += load(partial + block * width + i, lanes);
    store(into + i, load(into + i, lanes) + total, lanes);
  });
}

}  // namespace

extern const NormKernels norm_kernels;
const NormKernels norm_kernels{forward, backward, add_partials};

}  // namespace loongforge::cpu::LF_ISA
