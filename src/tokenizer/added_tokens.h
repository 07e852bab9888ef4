// SPDX-License-Identifier: Apache-2.0
// Tokens that are found in the text before anything else looks at it.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tokenizer/json_node.h"
#include "tokenizer/trie.h"

namespace loongforge::tokenizer {

struct AddedToken {
  int32_t id = 0;
  std::string content;
  bool special = false, normalized = false, single_word = false, lstrip = false, rstrip = false;
};

/// A part of the input: an added token, or text (id < 0).
struct Segment {
  int32_t id;
  std::string_view text;
};

/// Leftmost-longest search for the contents of added tokens.
class AddedTokenFinder {
 public:
  AddedTokenFinder() = default;
  /// Tokens with the text that each is found by; of equal texts the first token counts.
  explicit AddedTokenFinder(std::vector<std::pair<AddedToken, std::string>> tokens);
  /// Cuts `text` into tokens and the text between them.
  std::vector<Segment> split(std::string_view text) const;

 private:
  std::vector<std::pair<AddedToken, std::string>> tokens_;
  Trie patterns_;
};

AddedToken make_added_token(const JsonNode& node);

}  // namespace loongforge::tokenizer
