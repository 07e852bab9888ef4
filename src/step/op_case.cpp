// SPDX-License-Identifier: Apache-2.0
#include "loongforge/step/op_case.h"

#include <ATen/ops/arange.h>

namespace loongforge::step {
namespace {

/// In [0, 1), fp64: the fraction of a large multiple of a sine.
at::Tensor fractions(int64_t count, uint64_t seed) {
  const at::Tensor index = at::arange(count, at::TensorOptions().dtype(at::kDouble));
  return index.mul_(12.9898).add_(78.233 * static_cast<double>(seed + 1)).sin_().mul_(43758.5453).frac_().abs_();
}

}  // namespace

at::Tensor case_values(at::IntArrayRef shape, uint64_t seed, at::ScalarType compute, at::ScalarType storage) {
  return fractions(c10::multiply_integers(shape), seed).mul_(4).sub_(2).view(shape).to(storage).to(compute);
}

at::Tensor case_indices(int64_t count, int64_t limit, uint64_t seed) {
  return fractions(count, seed).mul_(static_cast<double>(limit)).to(at::kLong).clamp_max_(limit - 1);
}

}  // namespace loongforge::step
