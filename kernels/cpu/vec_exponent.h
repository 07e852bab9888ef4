// SPDX-License-Identifier: Apache-2.0
// Exponent arithmetic and reductions for sets without instructions for them.
#pragma once
#include "kernels/cpu/vec_types.h"

namespace loongforge::cpu::LF_ISA {

[[gnu::always_inline]] inline F32 max(F32 a, F32 b);

[[gnu::always_inline]] inline float sum(F32 x) {
  float total = 0;
  for (int i = 0; i < kWidth; ++i) total += x[i];
  return total;
}
[[gnu::always_inline]] inline float largest(F32 x) {
  float best = x[0];
  for (int i = 1; i < kWidth; ++i) best = x[i] > best ? x[i] : best;
  return best;
}

/// x = whole + fraction, whole the nearest integer, for |x| ≤ 300; beyond that ±300, which over- or underflows as x
/// would.
struct Split {
  F32 whole, fraction;
};
[[gnu::always_inline]] inline Split split_nearest(F32 x) {
  const F32 none{};
  x = -max(none - 300.0f, -max(none - 300.0f, x));  // NaN passes
  constexpr float kRounder = 12582912.0f;           // 1.5·2^23: adding it leaves no bits of the fraction
  const F32 whole = (x + kRounder) - kRounder;
  return {whole, x - whole};
}

[[gnu::always_inline]] inline F32 power_of_two(I32 exponent) { return (F32)((exponent + 127) << 23); }

/// x · 2^exponent for whole |exponent| ≤ 300, in steps whose powers are normal numbers.
[[gnu::always_inline]] inline F32 scale_exponent(F32 x, F32 exponent) {
  const I32 whole = __builtin_convertvector(exponent, I32);
  const I32 third = whole >> 2, rest = whole - 3 * third;
  const F32 step = power_of_two(third);
  return x * power_of_two(rest) * step * step * step;
}

}  // namespace loongforge::cpu::LF_ISA
