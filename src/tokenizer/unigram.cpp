// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/unigram.h"

#include <algorithm>
#include <limits>

#include "loongforge/core/error.h"
#include "tokenizer/unicode.h"

namespace loongforge::tokenizer {
namespace {

constexpr double kUnknownPenalty = 10.0;  // as SentencePiece and the tokenizers package

size_t character_bytes(char lead) {
  auto byte = static_cast<uint8_t>(lead);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

}  // namespace

Unigram::Unigram(const JsonNode& node) : byte_fallback_(node.bool_or("byte_fallback", false)) {
  std::vector<Trie::Key> keys;
  std::vector<JsonNode> entries = node.at("vocab").elements();
  std::vector<std::string> texts;
  texts.reserve(entries.size());
  double lowest = std::numeric_limits<double>::infinity();
  for (const JsonNode& entry : entries) {
    auto pair = entry.elements();
    if (pair.size() != 2 || !pair[1].json().is_number()) entry.fail("expected [piece, score]");
    texts.push_back(pair[0].string());
    scores_.push_back(pair[1].json().get<double>());
    lowest = std::min(lowest, scores_.back());
    auto id = static_cast<int32_t>(texts.size() - 1);
    keys.emplace_back(texts.back(), id);
    vocabulary_[texts.back()] = id;
  }
  if (node.has("unk_id")) {
    unknown_ = node.at("unk_id").id();
    if (*unknown_ >= static_cast<int32_t>(texts.size())) node.at("unk_id").fail("there is no such piece");
  }
  user_defined_.assign(texts.size(), false);
  unknown_score_ = lowest - kUnknownPenalty;
  trie_ = Trie(std::move(keys));
  fallback_ = byte_tokens(vocabulary_);
}

Unigram::Unigram(const std::vector<Piece>& pieces, int32_t unknown, bool byte_fallback, float lowest, float highest)
    : unknown_(unknown),
      unknown_score_(lowest - static_cast<float>(kUnknownPenalty)),
      highest_(highest),
      byte_fallback_(byte_fallback),
      single_precision_(true) {
  std::vector<Trie::Key> keys;
  for (size_t id = 0; id < pieces.size(); ++id) {
    vocabulary_.emplace(pieces[id].text, static_cast<int32_t>(id));
    scores_.push_back(pieces[id].score);
    user_defined_.push_back(pieces[id].user_defined);
    if (pieces[id].usable) keys.emplace_back(pieces[id].text, static_cast<int32_t>(id));
  }
  trie_ = Trie(std::move(keys));
  fallback_ = byte_tokens(vocabulary_);
}

void Unigram::offer(Step& step, double score, int32_t id, size_t begin) const {
  if (single_precision_) score = static_cast<float>(score);
  if (step.reached && score <= step.score) return;
  step = {score, id, static_cast<uint32_t>(begin), true};
}

// steps[i]: the best way to the end of the first i bytes.
void Unigram::search(std::string_view word, std::vector<Step>& steps) const {
  for (size_t begin = 0; begin < word.size();) {
    double before = steps[begin].score;
    size_t length = character_bytes(word[begin]);
    bool single = false;
    trie_.prefixes(word.substr(begin), [&](size_t bytes, int32_t id) {
      auto index = static_cast<size_t>(id);
      double score = user_defined_[index] ? static_cast<double>(bytes) * highest_ - 0.1 : scores_[index];
      offer(steps[begin + bytes], score + before, id, begin);
      single |= bytes == length;
    });
    if (!single) {
      if (!unknown_)
        throw DataError(fmt::format("no piece for '{}', and no unk_id", word.substr(begin, length)),
                        "the tokenizer has no way to encode this text; remove the character or use another tokenizer");
      offer(steps[begin + length], unknown_score_ + before, *unknown_, begin);
    }
    begin += length;
  }
}

void Unigram::emit_unknown(std::string_view part, std::vector<int32_t>& ids) const {
  bool bytes = byte_fallback_ &&
               std::all_of(part.begin(), part.end(), [&](char c) { return fallback_[static_cast<uint8_t>(c)] >= 0; });
  if (!bytes) return ids.push_back(*unknown_);
  for (char c : part) ids.push_back(fallback_[static_cast<uint8_t>(c)]);
}

// Unknown characters side by side are one piece.
void Unigram::emit(std::string_view word, const std::vector<Step>& steps, std::vector<int32_t>& ids) const {
  std::vector<std::pair<size_t, size_t>> path;
  for (size_t end = word.size(); end > 0; end = steps[end].begin) path.emplace_back(steps[end].begin, end);
  for (size_t i = path.size(); i-- > 0;) {
    int32_t id = steps[path[i].second].id;
    if (id != unknown_) {
      ids.push_back(id);
      continue;
    }
    size_t begin = path[i].first;
    while (i > 0 && steps[path[i - 1].second].id == unknown_) --i;
    std::string_view part = word.substr(begin, path[i].second - begin);
    auto known = single_precision_ ? vocabulary_.end() : vocabulary_.find(part);
    if (known != vocabulary_.end()) {
      ids.push_back(known->second);
    } else {
      emit_unknown(part, ids);
    }
  }
}

void Unigram::encode(std::string_view word, std::vector<int32_t>& ids) const {
  size_t hash = StringHash{}(word);
  bool cached = word.size() <= WordCache::kMaxBytes;
  if (cached && cache_.find(word, hash, ids)) return;
  if (word.size() > std::numeric_limits<uint32_t>::max() - 1)
    throw DataError("a text of over 4 GiB in one piece", "cut it into documents");
  std::vector<Step> steps(word.size() + 1);
  search(word, steps);
  size_t before = ids.size();
  emit(word, steps, ids);
  if (cached) cache_.keep(word, hash, ids.data() + before, ids.size() - before);
}

}  // namespace loongforge::tokenizer
