// SPDX-License-Identifier: Apache-2.0
// `${a.b}` and `${env:NAME,default}` in string values.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "loongforge/config/problems.h"
#include "loongforge/config/value.h"

namespace loongforge::config {

using Environment = std::function<std::optional<std::string>(const std::string& name)>;
/// getenv.
Environment process_environment();

/// Replaces every interpolation in `root`, at values only. A value that is one interpolation takes the target's type
/// (also of maps and lists; text of the environment is read as a YAML scalar); inside longer text the target must be a
/// scalar. Paths are from the root; `$${` writes a literal `${`. Values made of the environment keep their text in
/// `unexpanded`. Unknown paths, cycles and unset variables without a default go to `problems`.
void interpolate(Value& root, Problems& problems, const Environment& environment = process_environment());

}  // namespace loongforge::config
