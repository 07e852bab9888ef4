// SPDX-License-Identifier: Apache-2.0
// Which blocks a pipeline stage holds.
#pragma once
#include <utility>
#include <vector>

#include "loongforge/spec/model_spec.h"

namespace loongforge::spec {

/// First block and one past the last, per stage: the contiguous partition with the smallest greatest stage cost (forward
/// GEMM FLOPs per row), every stage holding at least one block. Throws ConfigError with fewer blocks than stages.
std::vector<std::pair<int, int>> place_blocks(const std::vector<BlockSpec>& blocks, int stages);

}  // namespace loongforge::spec
