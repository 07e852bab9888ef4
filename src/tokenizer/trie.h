// SPDX-License-Identifier: Apache-2.0
// Byte strings with values in a double array (Aoe 1989): prefix search costs one load a byte.
#pragma once
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace loongforge::tokenizer {

class Trie {
 public:
  using Key = std::pair<std::string_view, int32_t>;
  struct Hit {
    size_t length = 0;
    int32_t value = -1;  ///< negative: no key is a prefix
  };

  Trie() : Trie(std::vector<Key>{}) {}
  /// Keys in any order, values not negative; of equal keys the last one counts, and empty keys are left out.
  explicit Trie(std::vector<Key> keys);

  /// The longest key that `text` begins with.
  Hit longest(std::string_view text) const {
    Hit hit;
    prefixes(text, [&](size_t length, int32_t value) { hit = {length, value}; });
    return hit;
  }
  /// Calls `found(length, value)` for each key that `text` begins with, shortest first.
  template <typename Found>
  void prefixes(std::string_view text, Found&& found) const {
    int32_t node = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      auto next = static_cast<size_t>(nodes_[static_cast<size_t>(node)].base + static_cast<uint8_t>(text[i]));
      if (next >= nodes_.size() || nodes_[next].parent != node) return;
      node = static_cast<int32_t>(next);
      if (nodes_[next].value >= 0) found(i + 1, nodes_[next].value);
    }
  }
  bool may_begin(char c) const { return begins_[static_cast<uint8_t>(c)]; }
  bool empty() const { return empty_; }

 private:
  struct Node {
    int32_t base = 0, parent = -1, value = -1;
  };
  int32_t place(const std::vector<uint8_t>& bytes);

  std::vector<Node> nodes_;
  size_t search_from_ = 1;
  bool begins_[256] = {};
  bool empty_ = true;
};

}  // namespace loongforge::tokenizer
