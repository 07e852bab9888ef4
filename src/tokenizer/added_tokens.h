// SPDX-License-Identifier: Apache-2.0
// Tokens that are found in the text before anything else looks at it.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tokenizer/json_node.h"
#include "tokenizer/normalizer.h"

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
  AddedTokenFinder();
  void add(const AddedToken& token, std::string_view pattern);
  /// Cuts `text` into tokens and the text between them.
  std::vector<Segment> split(std::string_view text) const;

 private:
  struct Found {
    const AddedToken* token;
    size_t length;
  };
  struct Node {
    std::unordered_map<uint8_t, uint32_t> children;
    int32_t token = -1;
  };
  Found longest_at(std::string_view text, size_t pos) const;

  std::vector<AddedToken> tokens_;
  std::vector<Node> nodes_;
};

AddedToken make_added_token(const JsonNode& node);

}  // namespace loongforge::tokenizer
