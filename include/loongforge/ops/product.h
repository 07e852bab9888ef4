// SPDX-License-Identifier: Apache-2.0
// Matrix products of the ops, in the way that is fastest for the element type on this device.
#pragma once
#include <ATen/core/Tensor.h>

namespace loongforge::ops {

/// Whether products of this type of operands on this device run in acc(dtype) and are rounded once: on CPUs that multiply
/// 16-bit floats no faster than fp32, where LibTorch's own 16-bit products are slower and no more exact. Never inside
/// cpu::KernelScope without kernels.
bool products_widen(const at::Tensor& operand);

/// a·b for [m, k]·[k, n], in a's type. Where products widen, either operand may be in the accumulation type already.
at::Tensor product(const at::Tensor& a, const at::Tensor& b);
/// The same, written to `into` [m, n] of any type that the operands may have.
void product_into(at::Tensor into, const at::Tensor& a, const at::Tensor& b);
/// The same plus a row vector.
at::Tensor product_plus(const at::Tensor& row, const at::Tensor& a, const at::Tensor& b);
/// into += a·b, where `into` has a's type or its accumulation type.
void add_product(at::Tensor into, const at::Tensor& a, const at::Tensor& b);
/// a·b in acc(dtype), without rounding to a's type where that costs nothing.
at::Tensor acc_product(const at::Tensor& a, const at::Tensor& b);

}  // namespace loongforge::ops
