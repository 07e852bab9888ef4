// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <vector>

#include "loongforge/step/op_case.h"

namespace loongforge::ops {

/// Every op that has a kernel of its own, forward and backward.
std::vector<step::OpDescription> catalog();

}  // namespace loongforge::ops
