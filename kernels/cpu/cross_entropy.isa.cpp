// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/cross_entropy.h"

#include <math.h>

#include "kernels/cpu/rows.h"

namespace loongforge::cpu::LF_ISA {
namespace {

constexpr int64_t kBlock = 64 * kWidth;  // elements summed in fp32 before the sum moves to fp64

template <class T>
float largest_of(const T* z, int64_t classes) {
  F32 best = broadcast(-__builtin_inff());
  int64_t i = 0;
  for (; i + kWidth <= classes; i += kWidth) best = max(load(z + i), best);
  float result = largest(best);
  for (; i < classes; ++i) {
    const float value = load_first(z + i, 1)[0];
    result = value > result ? value : result;
  }
  return result;
}

// Σ exp(z − maximum). With kKeep the exponentials stay in z's place, for a type that holds them exactly.
template <bool kKeep, class T>
double sum_exponentials(T* z, int64_t classes, float maximum) {
  double total = 0;
  for (int64_t begin = 0; begin < classes; begin += kBlock) {
    const int64_t count = classes - begin < kBlock ? classes - begin : kBlock;
    T* block = z + begin;
    F32 part{};
    float rest = 0;
    each_vector(count, [&](int64_t i, Whole) {
      const F32 e = exp(load(block + i) - maximum);
      if constexpr (kKeep) store(block + i, e);
      part += e;
    }, [&](int64_t i, First lanes) {
      const F32 e = exp(load(block + i, lanes) - maximum);
      if constexpr (kKeep) store(block + i, e, lanes);
      for (int lane = 0; lane < lanes.count; ++lane) rest += e[lane];
    });
    total += static_cast<double>(sum(part)) + static_cast<double>(rest);
  }
  return total;
}

template <bool kKept, class T>
void write_gradient(T* z, int64_t classes, float maximum, float scale) {
  each_vector(classes, [&](int64_t i, auto lanes) {
    const F32 v = load(z + i, lanes);
    store(z + i, (kKept ? v : exp(v - maximum)) * scale, lanes);
  });
}

template <class T>
void run_row(const CrossEntropy& entropy, int64_t row) {
  constexpr bool kKeep = sizeof(T) == sizeof(float);
  T* z = static_cast<T*>(entropy.logits) + row * entropy.columns;
  const int64_t label = entropy.labels[row];
  if (label == entropy.ignored) {
    entropy.losses[row] = 0;
    if (entropy.want_grad) memset(z, 0, sizeof(T) * static_cast<size_t>(entropy.columns));
    return;
  }
  const bool picks = label >= 0 && label < entropy.classes;
  const float maximum = largest_of(z, entropy.classes);
  const float picked = picks ? load_first(z + label, 1)[0] - maximum : 0.0f;
  const bool keep = kKeep && entropy.want_grad;
  const double total = keep ? sum_exponentials<kKeep>(z, entropy.classes, maximum)
                            : sum_exponentials<false>(z, entropy.classes, maximum);
  const double weight = entropy.weights ? static_cast<double>(entropy.weights[row]) : 1.0;
  entropy.losses[row] = weight * (log(total) - static_cast<double>(picked));
  if (!entropy.want_grad) return;
  const double scale = weight * entropy.seed;
  const float probability = picks ? static_cast<float>(::exp(static_cast<double>(picked)) / total * scale) : 0.0f;
  write_gradient<kKeep>(z, entropy.classes, maximum, static_cast<float>(scale / total));
  if (picks) store_first(z + label, broadcast(probability - static_cast<float>(scale)), 1);
  memset(z + entropy.classes, 0, sizeof(T) * static_cast<size_t>(entropy.columns - entropy.classes));
}

void run(const CrossEntropy& entropy, int64_t first_row, int64_t last_row) {
  by_type(entropy.type, [&](auto* type) {
    for (int64_t row = first_row; row < last_row; ++row) run_row<Pointee<decltype(type)>>(entropy, row);
  });
}

}  // namespace

extern const CrossEntropyKernels cross_entropy_kernels;
const CrossEntropyKernels cross_entropy_kernels{run};

}  // namespace loongforge::cpu::LF_ISA
