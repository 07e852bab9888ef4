// SPDX-License-Identifier: Apache-2.0
// Freezing by pattern over published names.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "loongforge/spec/model_spec.h"

namespace loongforge::parallel {

/// Sets update = frozen for every parameter one of whose published names matches a pattern (glob_match) of `freeze`
/// and none of `keep`. Throws ConfigError for a pattern that matches nothing, or one that would freeze only part of a
/// fused parameter.
/// Returns the number of distinct parameters frozen.
int64_t freeze_parameters(spec::ModelSpec& model, const std::vector<std::string>& freeze,
                          const std::vector<std::string>& keep = {});

}  // namespace loongforge::parallel
