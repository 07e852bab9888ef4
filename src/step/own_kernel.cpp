// SPDX-License-Identifier: Apache-2.0
#include "step/own_kernel.h"

namespace loongforge::step {
namespace {

std::optional<cpu::Type> type_of(at::ScalarType type) {
  switch (type) {
    case at::kFloat: return cpu::Type::f32;
    case at::kBFloat16: return cpu::Type::bf16;
    case at::kHalf: return cpu::Type::f16;
    default: return std::nullopt;
  }
}

}  // namespace

std::optional<cpu::Type> strided_kernel_type(const at::Tensor& tensor) {
  return cpu::kernels_in_use() && tensor.is_cpu() ? type_of(tensor.scalar_type()) : std::nullopt;
}

std::optional<cpu::Type> kernel_type(std::initializer_list<at::Tensor> tensors) {
  std::optional<cpu::Type> type;
  for (const at::Tensor& tensor : tensors) {
    if (!tensor.defined()) continue;
    const auto own = strided_kernel_type(tensor);
    if (!own || (type && *own != *type) || !tensor.is_contiguous()) return std::nullopt;
    type = own;
  }
  return type;
}

}  // namespace loongforge::step
