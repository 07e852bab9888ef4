// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "tokenizer/json_node.h"

namespace loongforge::tokenizer {

/// Rewrites the tokens of a text; joined, they are the text.
using Decoder = std::function<void(std::vector<std::string>&)>;

/// The "decoder" of a tokenizer.json; null joins the tokens with spaces. DataError names an unknown type.
Decoder make_decoder(const JsonNode& node, int depth = 0);

}  // namespace loongforge::tokenizer
