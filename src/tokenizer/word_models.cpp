// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/word_models.h"

#include "loongforge/core/error.h"

namespace loongforge::tokenizer {
namespace {

int64_t count_characters(std::string_view word) {
  int64_t count = 0;
  for (char c : word) count += (static_cast<uint8_t>(c) & 0xC0) != 0x80;
  return count;
}

}  // namespace

Vocabulary read_vocabulary(const JsonNode& node) {
  if (!node.json().is_object()) node.fail(fmt::format("expected an object, found {}", node.json().type_name()));
  Vocabulary vocabulary;
  vocabulary.reserve(node.json().size());
  for (const auto& [token, id] : node.json().items()) {
    if (!id.is_number_unsigned()) node.fail(fmt::format("the id of '{}' is not a non-negative integer", token));
    vocabulary.emplace(token, JsonNode(id, node.path()).id());
  }
  return vocabulary;
}

WordPiece::WordPiece(const JsonNode& node)
    : longest_(node.has("max_input_chars_per_word") ? node.at("max_input_chars_per_word").id() : 100) {
  vocabulary_ = read_vocabulary(node.at("vocab"));
  std::string name = node.string_or("unk_token", "[UNK]"), prefix = node.string_or("continuing_subword_prefix", "##");
  auto found = vocabulary_.find(name);
  if (found == vocabulary_.end()) node.fail(fmt::format("the unk_token '{}' is not in the vocabulary", name));
  unknown_ = found->second;
  std::vector<Trie::Key> first, next;
  for (const auto& [token, id] : vocabulary_) {
    first.emplace_back(token, id);
    if (token.starts_with(prefix)) next.emplace_back(std::string_view(token).substr(prefix.size()), id);
  }
  first_ = Trie(std::move(first));
  next_ = Trie(std::move(next));
}

void WordPiece::encode(std::string_view word, std::vector<int32_t>& ids) const {
  size_t before = ids.size();
  bool known = static_cast<int64_t>(word.size()) <= longest_ || count_characters(word) <= longest_;
  for (size_t begin = 0; begin < word.size() && known;) {
    Trie::Hit hit = (begin == 0 ? first_ : next_).longest(word.substr(begin));
    known = hit.value >= 0;
    begin += hit.length;
    ids.push_back(hit.value);
  }
  if (known) return;
  ids.resize(before);
  ids.push_back(unknown_);
}

WordLevel::WordLevel(const JsonNode& node) {
  vocabulary_ = read_vocabulary(node.at("vocab"));
  auto found = vocabulary_.find(node.string_or("unk_token", "<unk>"));
  if (found != vocabulary_.end()) unknown_ = found->second;
}

void WordLevel::encode(std::string_view word, std::vector<int32_t>& ids) const {
  if (auto found = vocabulary_.find(word); found != vocabulary_.end()) return ids.push_back(found->second);
  if (!unknown_)
    throw DataError(
        fmt::format("the word '{}' is not in the vocabulary, which has no unknown token", word.substr(0, 80)),
        "name an unk_token that is in the vocabulary");
  ids.push_back(*unknown_);
}

}  // namespace loongforge::tokenizer
