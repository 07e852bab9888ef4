// SPDX-License-Identifier: Apache-2.0
#include "loongforge/ops/product.h"

#include <ATen/ops/addmm.h>
#include <ATen/ops/mm.h>

#include "kernels/cpu/dispatch.h"
#include "loongforge/step/dtype.h"

namespace loongforge::ops {
namespace {

bool fast_bf16() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("amx-bf16") || cpu::fast_bf16_pairs();
#else
  return true;
#endif
}

bool fast_fp16() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512fp16");
#else
  return true;
#endif
}

at::Tensor wide(const at::Tensor& x) { return x.to(step::acc(x.scalar_type())); }

// With few rows the time goes into reading b, which conversion multiplies.
constexpr int64_t kManyRows = 16;

bool widen(const at::Tensor& a, const at::Tensor& b) {
  return a.scalar_type() != b.scalar_type() || (products_widen(a) && a.size(0) >= kManyRows);
}

}  // namespace

bool products_widen(const at::Tensor& operand) {
  if (!operand.is_cpu() || !cpu::kernels_in_use()) return false;
  static const bool bf16 = fast_bf16(), fp16 = fast_fp16();
  if (operand.scalar_type() == at::kBFloat16) return !bf16;
  return operand.scalar_type() == at::kHalf && !fp16;
}

at::Tensor product(const at::Tensor& a, const at::Tensor& b) {
  return widen(a, b) ? at::mm(wide(a), wide(b)).to(a.scalar_type()) : at::mm(a, b);
}

void product_into(at::Tensor into, const at::Tensor& a, const at::Tensor& b) {
  if (!widen(a, b)) {
    at::mm_out(into, a, b);
  } else if (into.scalar_type() == step::acc(a.scalar_type())) {
    at::mm_out(into, wide(a), wide(b));
  } else {
    into.copy_(at::mm(wide(a), wide(b)));
  }
}

at::Tensor product_plus(const at::Tensor& row, const at::Tensor& a, const at::Tensor& b) {
  return widen(a, b) ? at::addmm(wide(row), wide(a), wide(b)).to(a.scalar_type()) : at::addmm(row, a, b);
}

void add_product(at::Tensor into, const at::Tensor& a, const at::Tensor& b) {
  if (into.scalar_type() == a.scalar_type() && a.scalar_type() == b.scalar_type()) {
    into.addmm_(a, b);
  } else if (a.scalar_type() == b.scalar_type() && !products_widen(a)) {
    into.add_(at::mm(a, b));
  } else if (into.scalar_type() == step::acc(a.scalar_type())) {
    into.addmm_(wide(a), wide(b));
  } else {
    into.add_(at::mm(wide(a), wide(b)));
  }
}

at::Tensor acc_product(const at::Tensor& a, const at::Tensor& b) {
  return widen(a, b) ? at::mm(wide(a), wide(b)) : wide(at::mm(a, b));
}

}  // namespace loongforge::ops
