// SPDX-License-Identifier: Apache-2.0
// Composition by `defaults:` lists, as Hydra's.
//
//   defaults:
//     - model: qwen3_0_6b          # configs/model/qwen3_0_6b.yaml, at the key `model`
//     - model@teacher: qwen3_8b    # the same group at another key (`_global_`: at the root)
//     - optional cluster: mine     # nothing if it isn't there
//     - base_run                   # another file of this group, at this file's own key
//     - override model: qwen3_8b   # changes the choice of a file listed above
//     - _self_                     # where this file's own keys come; without it, last
//
// Later ones win. A `defaults:` list of a composed file works the same inside its group; `/group` is from the top.
#pragma once
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "loongforge/config/override.h"
#include "loongforge/config/search_path.h"
#include "loongforge/config/value.h"

namespace loongforge::config {

/// Choices of groups that win over those in files: "model" or "model@teacher" → name; nullopt drops the group.
struct Choice {
  std::optional<std::string> name;
  Place place;
  bool add = false;   ///< also when no file lists the group
  bool used = false;
};
using Choices = std::map<std::string, Choice>;

/// Takes the overrides that choose groups (`model=qwen3_8b`, `+model@teacher=…`, `~model`) out of `overrides`: those of
/// an undotted key with a plain text as value, whose part before `@` is a folder of choices.
Choices take_choices(std::vector<Override>& overrides, const SearchPath& search);

/// Reads `file`, composes what its defaults list names, and merges. Throws ConfigError for unknown names (with the
/// nearest), malformed lists, cycles, and `override`s of nothing.
Value compose(const std::filesystem::path& file, const SearchPath& search, Choices choices = {});

}  // namespace loongforge::config
