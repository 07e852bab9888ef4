// SPDX-License-Identifier: Apache-2.0
// The whole configuration as JSON Schema (draft 7, which editors read), made of the fields' declarations.
#pragma once
#include <string>

#include "loongforge/core/json.h"

namespace loongforge::config {

/// Of a run's file; with `section` ("model", "model.lora"), of that section alone, for files of a group. Also takes
/// what composition and interpolation allow: `defaults:` lists, `${…}`, `???`. Throws ConfigError for an unknown
/// section.
Json json_schema(const std::string& section = {});

}  // namespace loongforge::config
