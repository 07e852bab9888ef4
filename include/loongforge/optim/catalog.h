// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <vector>

#include "loongforge/step/op_case.h"

namespace loongforge::optim {

/// The optimizer's step and the gradient norm over one shard of OpSizes::elements.
std::vector<step::OpDescription> catalog();

}  // namespace loongforge::optim
