// SPDX-License-Identifier: Apache-2.0
// The model that a configuration describes, without its weights.
#pragma once
#include "loongforge/config/run_config.h"
#include "loongforge/spec/model_spec.h"

namespace loongforge::config {

/// `model.path`'s config.json (spec::find_model) under the keys of `model.config`. Throws CheckpointError for a folder
/// that isn't there or can't be read, ConfigError for keys that make no model.
spec::ModelSpec load_model_spec(const RunConfig& config, const spec::Registry& families);

}  // namespace loongforge::config
