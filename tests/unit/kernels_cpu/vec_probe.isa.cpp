// SPDX-License-Identifier: Apache-2.0
#include "vec_probe.h"

#include "kernels/cpu/vec.h"

namespace loongforge::cpu::LF_ISA {
namespace {

template <class From, class To, F32 (*kFunction)(F32)>
void map(const From* x, To* y, int n) {
  int i = 0;
  for (; i + kWidth <= n; i += kWidth) store(y + i, kFunction(load(x + i)));
  store_first(y + i, kFunction(load_first(x + i, n - i)), n - i);
}

F32 same(F32 x) { return x; }
F32 power(F32 x) { return exp2(x); }

float sum_of(const float* x, int n) {
  F32 total{};
  int i = 0;
  for (; i + kWidth <= n; i += kWidth) total += load(x + i);
  return sum(total + load_first(x + i, n - i));
}

float largest_of(const float* x, int n) {
  F32 best{};
  int i = 0;
  for (; i + kWidth <= n; i += kWidth) best = max(best, load(x + i));
  return largest(max(best, load_first(x + i, n - i)));
}

}  // namespace

extern const VecProbe vec_probe;
const VecProbe vec_probe{map<float, float, power>,
                         map<float, Bf16, same>,
                         map<float, Fp16, same>,
                         map<Bf16, float, same>,
                         map<Fp16, float, same>,
                         sum_of,
                         largest_of};

}  // namespace loongforge::cpu::LF_ISA
