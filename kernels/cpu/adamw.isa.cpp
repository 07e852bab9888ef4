// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/adamw.h"

#include <math.h>

#include "kernels/cpu/rows.h"

namespace loongforge::cpu::LF_ISA {
namespace {

struct Factors {
  float beta1, one_minus_beta1, beta2, one_minus_beta2;
  float keep;               // of the master, after weight decay
  float step;               // lr over the bias correction of the first moment
  float inverse_root;       // of the bias correction of the second moment
  float eps, coefficient;
};

Factors factors_of(const AdamW& adamw) {
  Factors f;
  f.beta1 = static_cast<float>(adamw.beta1);
  f.beta2 = static_cast<float>(adamw.beta2);
  f.one_minus_beta1 = static_cast<float>(1.0 - adamw.beta1);
  f.one_minus_beta2 = static_cast<float>(1.0 - adamw.beta2);
  f.keep = static_cast<float>(1.0 - adamw.lr * adamw.weight_decay);
  f.step = static_cast<float>(adamw.lr / (1.0 - pow(adamw.beta1, *adamw.taken)));
  f.inverse_root = static_cast<float>(1.0 / ::sqrt(1.0 - pow(adamw.beta2, *adamw.taken)));
  f.eps = static_cast<float>(adamw.eps);
  f.coefficient = static_cast<float>(*adamw.coefficient);
  return f;
}

template <class G, class M, class W>
void update_range(const AdamW& adamw, const Factors& f, int64_t begin, int64_t end) {
  float* master = adamw.master + begin;
  const G* grad = static_cast<const G*>(adamw.grad) + begin;
  M* first = static_cast<M*>(adamw.exp_avg) + begin;
  M* second = static_cast<M*>(adamw.exp_avg_sq) + begin;
  W* weight = adamw.weight ? static_cast<W*>(adamw.weight) + begin : nullptr;
  each_vector(end - begin, [&](int64_t i, auto lanes) {
    const F32 g = load(grad + i, lanes) * f.coefficient;
    const F32 m = load(first + i, lanes) * f.beta1 + g * f.one_minus_beta1;
    const F32 v = load(second + i, lanes) * f.beta2 + g * g * f.one_minus_beta2;
    const F32 p = load(master + i, lanes) * f.keep - f.step * m / (sqrt(v) * f.inverse_root + f.eps);
    store(first + i, m, lanes);
    store(second + i, v, lanes);
    store(master + i, p, lanes);
    if (weight) store(weight + i, p, lanes);
  });
}

void update(const AdamW& adamw, int64_t begin, int64_t end) {
  if (*adamw.skip != 0) return;
  const Factors f = factors_of(adamw);
  by_type(adamw.grad_type, [&](auto* grad) {
    by_type(adamw.moment_type, [&](auto* moment) {
      by_type(adamw.weight_type, [&](auto* weight) {
        update_range<Pointee<decltype(grad)>, Pointee<decltype(moment)>, Pointee<decltype(weight)>>(adamw, f, begin, end);
      });
    });
  });
}

typedef float F32Half __attribute__((vector_size(2 * kWidth)));
typedef double F64 __attribute__((vector_size(4 * kWidth)));

// What lies behind the end of the last vector is zero and adds nothing.
template <class T>
double square_sum_of(const T* x, int64_t n) {
  F64 low{}, high{};
  each_vector(n, [&](int64_t i, auto lanes) {
    const F32 v = load(x + i, lanes);
    F32Half halves[2];
    memcpy(halves, &v, sizeof(v));
    const F64 a = __builtin_convertvector(halves[0], F64), b = __builtin_convertvector(halves[1], F64);
    low += a * a;
    high += b * b;
  });
  low += high;
  double total = 0;
  for (int lane = 0; lane < kWidth / 2; ++lane) total += low[lane];
  return total;
}

double square_sum(Type type, const void* x, int64_t n) {
  double total = 0;
  by_type(type, [&](auto* element) { total = square_sum_of(static_cast<const Pointee<decltype(element)>*>(x), n); });
  return total;
}

}  // namespace

extern const AdamWKernels adamw_kernels;
const AdamWKernels adamw_kernels{update, square_sum};

}  // namespace loongforge::cpu::LF_ISA
