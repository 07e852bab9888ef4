// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "tokenizer/json_node.h"

namespace loongforge::tokenizer {

using Ids = std::vector<int32_t>;

/// Joins the ids of one text, or of a pair of texts, with special tokens around them if `special`. Gives the parts in
/// order; they are the sequence once put one after another.
using PostProcessor = std::function<void(std::vector<Ids>& sequences, bool special)>;

/// The "post_processor" of a tokenizer.json; null adds nothing. DataError names an unknown type.
PostProcessor make_post_processor(const JsonNode& node, int depth = 0);

}  // namespace loongforge::tokenizer
