// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/json_node.h"

namespace loongforge::tokenizer {

/// The words of a text: views into it, or into strings owned here where a step rewrote them. No word is empty.
struct Pieces {
  std::vector<std::string_view> words;
  std::deque<std::string> owned;
  bool at_start = true;  ///< the first word begins the whole input
};

using PreTokenizer = std::function<void(Pieces&)>;

/// The "pre_tokenizer" of a tokenizer.json; null leaves one word. DataError names an unknown type. `keep_bytes`: its
/// last step, which must be ByteLevel, leaves the bytes as they are instead of writing them in the byte alphabet.
PreTokenizer make_pre_tokenizer(const JsonNode& node, int depth = 0, bool keep_bytes = false);

/// Whether ByteLevel is the last step, and only that.
bool ends_in_bytes(const JsonNode& node);

}  // namespace loongforge::tokenizer
