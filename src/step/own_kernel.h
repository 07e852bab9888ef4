// SPDX-License-Identifier: Apache-2.0
// When an operation takes its own CPU kernel, and how the work is dealt to threads.
#pragma once
#include <ATen/core/Tensor.h>

#include <initializer_list>
#include <optional>

#include "kernels/cpu/dispatch.h"
#include "loongforge/platform/parallel.h"

namespace loongforge::step {

/// The element type of contiguous host tensors that all have it (undefined ones are passed over). Nothing where the
/// operation runs its reference instead: fp64, other devices, meta, mixed types, or cpu::KernelScope without kernels.
std::optional<cpu::Type> kernel_type(std::initializer_list<at::Tensor> tensors);
/// The same for one tensor of any strides.
std::optional<cpu::Type> strided_kernel_type(const at::Tensor& tensor);

/// Elements below which another thread costs more than it does.
inline constexpr int64_t kGrain = int64_t{1} << 15;
/// The same in rows of `width` elements.
constexpr int64_t grain_rows(int64_t width) { return width >= kGrain ? 1 : kGrain / (width > 0 ? width : 1); }

}  // namespace loongforge::step
