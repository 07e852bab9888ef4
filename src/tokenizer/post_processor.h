// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "tokenizer/json_node.h"

namespace loongforge::tokenizer {

/// Adds special tokens around the ids of one text.
using PostProcessor = std::function<void(std::vector<int32_t>&)>;

/// The "post_processor" of a tokenizer.json; null adds nothing. DataError names an unknown type.
PostProcessor make_post_processor(const JsonNode& node, int depth = 0);

}  // namespace loongforge::tokenizer
