// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <ATen/core/Tensor.h>

#include <span>

namespace loongforge::step {

/// Σ x² over all elements of contiguous flat tensors, accumulated in fp64: a scalar on `device`. On the host its bits don't depend
/// on the number of threads.
at::Tensor square_sum(std::span<const at::Tensor> flats, c10::Device device);

}  // namespace loongforge::step
