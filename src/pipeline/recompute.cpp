// SPDX-License-Identifier: Apache-2.0
#include "loongforge/pipeline/recompute.h"

namespace loongforge::pipeline {

bool Recompute::applies(const spec::BlockSpec& block) const {
  if (mode == RecomputeMode::none || block.outputs.empty()) return false;
  if (mode == RecomputeMode::full) return true;
  const bool kind = kinds.empty() ? block.layer >= 0 : kinds.count(block.kind) != 0;
  return kind && (block.layer < 0 || block.layer % every == 0);
}

}  // namespace loongforge::pipeline
