// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <ATen/core/Tensor.h>

#include <span>

#include "loongforge/comm/group.h"

namespace loongforge::comm {

/// parts[0] ∘ parts[1] ∘ … in that order, in the accumulation type of their dtype; a new tensor of that type.
at::Tensor reduce_in_order(std::span<const at::Tensor> parts, ReduceOp op);

}  // namespace loongforge::comm
