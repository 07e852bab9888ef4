// SPDX-License-Identifier: Apache-2.0
#include "loongforge/ops/product.h"

#include <ATen/ops/addmm.h>
#include <ATen/ops/mm.h>

#include "loongforge/step/dtype.h"

namespace loongforge::ops {
namespace {

bool cpu_has_short_floats() {
#if defined(__x86_64__)
  static const bool has = __builtin_cpu_supports("avx512bf16");
  return has;
#else
  return true;
#endif
}

/// Should products of this operand run in the accumulation type?
bool widen(const at::Tensor& a) {
  return a.is_cpu() && a.scalar_type() != step::acc(a.scalar_type()) && !cpu_has_short_floats();
}

at::Tensor wide(const at::Tensor& x) { return x.to(step::acc(x.scalar_type())); }

}  // namespace

at::Tensor product(const at::Tensor& a, const at::Tensor& b) {
  return widen(a) ? at::mm(wide(a), wide(b)).to(a.scalar_type()) : at::mm(a, b);
}

at::Tensor product_plus(const at::Tensor& row, const at::Tensor& a, const at::Tensor& b) {
  return widen(a) ? at::addmm(wide(row), wide(a), wide(b)).to(a.scalar_type()) : at::addmm(row, a, b);
}

void add_product(at::Tensor into, const at::Tensor& a, const at::Tensor& b) {
  if (into.scalar_type() == a.scalar_type()) {
    into.addmm_(a, b);
  } else if (widen(a)) {
    into.addmm_(wide(a), wide(b));
  } else {
    into.add_(at::mm(a, b));
  }
}

at::Tensor acc_product(const at::Tensor& a, const at::Tensor& b) {
  return widen(a) ? at::mm(wide(a), wide(b)) : wide(at::mm(a, b));
}

}  // namespace loongforge::ops
