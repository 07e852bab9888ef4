// SPDX-License-Identifier: Apache-2.0
// Linears at the borders of a tensor-parallel region. A column-parallel linear is ops::linear on entered rows.
#pragma once
#include <ATen/core/Tensor.h>

#include "loongforge/step/param.h"
#include "loongforge/step/seams.h"

namespace loongforge::nn {

/// Row-parallel linear: x [rows, in/tp] → partial sums, out of the region, then the bias once. Returns [rows, out], or this
/// rank's rows of it with sequence parallelism.
at::Tensor row_linear(const at::Tensor& x, const step::Param& weight, const step::Param* bias, step::RegionComm& region);

}  // namespace loongforge::nn
