// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/trie.h"

#include <algorithm>
#include <deque>

namespace loongforge::tokenizer {
namespace {

// Keys [begin, end) share the path to `node`, which is `depth` bytes long.
struct Slice {
  size_t begin, end, depth;
  int32_t node;
};

}  // namespace

// A base at which all of `bytes` have free nodes. Where the array is nearly full the search doesn't begin again.
int32_t Trie::place(const std::vector<uint8_t>& bytes) {
  size_t taken = 0;
  for (size_t at = std::max<size_t>(search_from_, bytes[0] + 1u);; ++at) {
    if (nodes_.size() < at + 257) nodes_.resize(std::max(at + 257, nodes_.size() + nodes_.size() / 2));
    if (nodes_[at].parent >= 0) {
      ++taken;
      continue;
    }
    size_t base = at - bytes[0];
    bool fits = std::all_of(bytes.begin(), bytes.end(), [&](uint8_t b) { return nodes_[base + b].parent < 0; });
    if (!fits) continue;
    if (at > search_from_ + 64 && taken * 20 > (at - search_from_) * 19) search_from_ = at;
    return static_cast<int32_t>(base);
  }
}

Trie::Trie(std::vector<Key> keys) : nodes_(512) {
  nodes_[0].parent = INT32_MAX;
  std::erase_if(keys, [](const Key& key) { return key.first.empty(); });
  std::stable_sort(keys.begin(), keys.end(), [](const Key& a, const Key& b) { return a.first < b.first; });
  empty_ = keys.empty();
  std::deque<Slice> parts;
  if (!empty_) parts.push_back({0, keys.size(), 0, 0});
  std::vector<uint8_t> bytes;
  while (!parts.empty()) {
    Slice part = parts.front();
    parts.pop_front();
    while (part.begin < part.end && keys[part.begin].first.size() == part.depth)
      nodes_[static_cast<size_t>(part.node)].value = keys[part.begin++].second;
    if (part.begin == part.end) continue;
    bytes.clear();
    auto byte_of = [&](size_t key) { return static_cast<uint8_t>(keys[key].first[part.depth]); };
    for (size_t key = part.begin; key < part.end; ++key)
      if (bytes.empty() || bytes.back() != byte_of(key)) bytes.push_back(byte_of(key));
    int32_t base = place(bytes);
    nodes_[static_cast<size_t>(part.node)].base = base;
    for (size_t key = part.begin; key < part.end;) {
      uint8_t byte = byte_of(key);
      size_t begin = key;
      while (key < part.end && byte_of(key) == byte) ++key;
      nodes_[static_cast<size_t>(base + byte)].parent = part.node;
      if (part.depth == 0) begins_[byte] = true;
      parts.push_back({begin, key, part.depth + 1, base + byte});
    }
  }
}

}  // namespace loongforge::tokenizer
