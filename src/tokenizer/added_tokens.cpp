// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/added_tokens.h"

#include <algorithm>

#include "tokenizer/unicode.h"

namespace loongforge::tokenizer {
namespace {

uint32_t last_code_point(std::string_view text) {
  size_t pos = text.size() - 1;
  while (pos > 0 && (static_cast<uint8_t>(text[pos]) & 0xC0) == 0x80) --pos;
  return next_code_point(text, pos);
}

bool ends_with_word(std::string_view text) { return !text.empty() && is_word(last_code_point(text)); }

bool starts_with_word(std::string_view text) {
  size_t pos = 0;
  return !text.empty() && is_word(next_code_point(text, pos));
}

size_t leading_space(std::string_view text) {
  size_t end = 0;
  for (size_t pos = 0; pos < text.size() && is_whitespace(next_code_point(text, pos));) end = pos;
  return end;
}

size_t trailing_space_begin(std::string_view text) {
  while (!text.empty() && is_whitespace(last_code_point(text))) {
    size_t pos = text.size() - 1;
    while ((static_cast<uint8_t>(text[pos]) & 0xC0) == 0x80) --pos;
    text = text.substr(0, pos);
  }
  return text.size();
}

}  // namespace

AddedTokenFinder::AddedTokenFinder(std::vector<std::pair<AddedToken, std::string>> tokens)
    : tokens_(std::move(tokens)) {
  std::vector<Trie::Key> keys;
  for (size_t i = tokens_.size(); i-- > 0;) keys.emplace_back(tokens_[i].second, static_cast<int32_t>(i));
  patterns_ = Trie(std::move(keys));
}

std::vector<Segment> AddedTokenFinder::split(std::string_view text) const {
  std::vector<Segment> segments;
  size_t done = 0;
  for (size_t pos = 0; pos < text.size() && !patterns_.empty();) {
    auto [length, index] = patterns_.may_begin(text[pos]) ? patterns_.longest(text.substr(pos)) : Trie::Hit{};
    if (index < 0) {
      ++pos;
      continue;
    }
    const AddedToken* token = &tokens_[static_cast<size_t>(index)].first;
    size_t begin = pos, end = pos + length;
    pos = end;
    if (token->single_word && (ends_with_word(text.substr(0, begin)) || starts_with_word(text.substr(end)))) continue;
    if (token->lstrip) begin = std::max(trailing_space_begin(text.substr(0, begin)), done);
    if (token->rstrip) end += leading_space(text.substr(end));
    if (done < begin) segments.push_back({-1, text.substr(done, begin - done)});
    segments.push_back({token->id, text.substr(begin, end - begin)});
    done = end;
  }
  if (done < text.size()) segments.push_back({-1, text.substr(done)});
  return segments;
}

AddedToken make_added_token(const JsonNode& node) {
  AddedToken token;
  token.id = node.at("id").id();
  token.content = node.at("content").string();
  token.special = node.bool_or("special", false);
  token.normalized = node.bool_or("normalized", !token.special);
  token.single_word = node.bool_or("single_word", false);
  token.lstrip = node.bool_or("lstrip", false);
  token.rstrip = node.bool_or("rstrip", false);
  return token;
}

}  // namespace loongforge::tokenizer
