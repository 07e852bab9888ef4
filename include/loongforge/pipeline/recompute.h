// SPDX-License-Identifier: Apache-2.0
// Which blocks drop their saved activations after the forward pass and run it again before their backward.
#pragma once
#include <cstdint>
#include <set>
#include <string>

#include "loongforge/spec/model_spec.h"

namespace loongforge::pipeline {

enum class RecomputeMode : uint8_t { none, selective, full };

struct Recompute {
  RecomputeMode mode = RecomputeMode::none;
  std::set<std::string> kinds;  ///< selective: block kinds; empty: the repeated layers
  int64_t every = 1;            ///< selective: only layers whose index is a multiple of this
  /// Blocks without outputs (losses at the end of the model) are never recomputed: their backward follows at once.
  bool applies(const spec::BlockSpec& block) const;
};

}  // namespace loongforge::pipeline
