// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <string>

#include "tokenizer/json_node.h"
#include "tokenizer/regex.h"

namespace loongforge::tokenizer {

/// Rewrites valid UTF-8 in place.
using Normalizer = std::function<void(std::string&)>;

/// The "normalizer" of a tokenizer.json; null gives the identity. DataError names an unknown type.
Normalizer make_normalizer(const JsonNode& node, int depth = 0);

/// A {"String": …} or {"Regex": …} pattern.
Regex make_pattern(const JsonNode& node);

}  // namespace loongforge::tokenizer
