// SPDX-License-Identifier: Apache-2.0
// Matrix products of the ops, in the way that is fastest for the element type on this device.
#pragma once
#include <ATen/core/Tensor.h>

namespace loongforge::ops {

/// a·b for [m, k]·[k, n], in the type of a. On CPUs without instructions for 16-bit floats the product runs in acc(dtype) and is
/// rounded once: LibTorch's own 16-bit products there are several times slower and no more exact.
at::Tensor product(const at::Tensor& a, const at::Tensor& b);
/// The same plus a row vector.
at::Tensor product_plus(const at::Tensor& row, const at::Tensor& a, const at::Tensor& b);
/// into += a·b, where `into` has a's type or its accumulation type.
void add_product(at::Tensor into, const at::Tensor& a, const at::Tensor& b);
/// a·b in acc(dtype), without rounding to a's type where that costs nothing.
at::Tensor acc_product(const at::Tensor& a, const at::Tensor& b);

}  // namespace loongforge::ops
