// SPDX-License-Identifier: Apache-2.0
// Overrides of the command line, in Hydra's grammar.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "loongforge/config/problems.h"
#include "loongforge/config/value.h"

namespace loongforge::config {

/// `key=v` set, `+key=v` add (must be new), `++key=v` set or add, `~key` remove (back to the default).
struct Override {
  enum class Op { set, add, force, remove };
  Op op = Op::set;
  std::string key;  ///< "train.steps", "data.train[0]", or a group as "model", "model@teacher"
  Value value;
  Place place;      ///< "command line `train.steps=5`"
};

/// Reads "a.b=1", "+a.b=1", "++a.b=1", "~a.b", "--a.b=1", "--a.b" "1". Values are YAML. Throws ConfigError.
std::vector<Override> parse_overrides(std::span<const std::string> arguments);

/// Applies one to the tree, making the maps on its way. `is_open(path)` says whether the map at `path` takes free keys:
/// there a plain set needs a present key, else a problem names the nearest one and `+`. Unknown names elsewhere are set
/// all the same, for the schema to report.
void apply_override(Value& root, const Override& override_, const std::function<bool(std::string_view)>& is_open,
                    Problems& problems);

}  // namespace loongforge::config
