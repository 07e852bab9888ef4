// SPDX-License-Identifier: Apache-2.0
#include "loongforge/tokenizer/tokenizer.h"

#include <algorithm>

#include "loongforge/core/error.h"
#include "tokenizer/parts.h"
#include "tokenizer/unicode.h"

namespace loongforge::tokenizer {
namespace {

// The "eos_token" of a tokenizer_config.json: text, or an object with "content". Empty if there is none.
std::string configured_end(const nlohmann::json& json, const std::filesystem::path& path) {
  JsonNode config(json, (path / "tokenizer_config.json").string());
  if (!config.has("eos_token")) return {};
  JsonNode end = config.at("eos_token");
  return end.json().is_object() ? end.at("content").string() : end.string();
}

}  // namespace

struct Tokenizer::Impl {
  explicit Impl(TokenizerParts read);
  void encode_words(std::string_view text, bool at_start, Ids& ids) const;
  void encode_normalized(std::string_view text, bool at_start, Ids& ids) const;
  Ids encode_text(std::string_view text) const;

  TokenizerParts parts;
  AddedTokenFinder raw_finder, normalized_finder;
  Vocabulary added;
  int32_t vocab_size = 0;
};

Tokenizer::Impl::Impl(TokenizerParts read) : parts(std::move(read)) {
  for (const auto& [id, text] : parts.texts) vocab_size = std::max(vocab_size, id + 1);
  std::vector<std::pair<AddedToken, std::string>> raw, normalized;
  for (const AddedToken& token : parts.added) {
    if (token.content.empty()) continue;
    added[token.content] = token.id;
    vocab_size = std::max(vocab_size, token.id + 1);
    if (token.special) parts.special.insert(token.id);
    std::string pattern = token.content;
    if (token.normalized) parts.normalizer(pattern);
    parts.texts[token.id] = pattern;  // normalized tokens decode to their normalized form, as in the package
    (token.normalized ? normalized : raw).emplace_back(token, pattern);
  }
  raw_finder = AddedTokenFinder(std::move(raw));
  normalized_finder = AddedTokenFinder(std::move(normalized));
}

void Tokenizer::Impl::encode_words(std::string_view text, bool at_start, Ids& ids) const {
  Pieces pieces;
  pieces.at_start = at_start;
  pieces.words.push_back(text);
  parts.pre_tokenizer(pieces);
  for (std::string_view word : pieces.words) parts.model->encode(word, ids);
}

void Tokenizer::Impl::encode_normalized(std::string_view text, bool at_start, Ids& ids) const {
  std::string normalized(text);
  parts.normalizer(normalized);
  for (const Segment& segment : normalized_finder.split(normalized)) {
    if (segment.id >= 0) {
      ids.push_back(segment.id);
    } else {
      encode_words(segment.text, at_start && segment.text.data() == normalized.data(), ids);
    }
  }
}

Ids Tokenizer::Impl::encode_text(std::string_view text) const {
  std::string repaired;
  if (valid_utf8_prefix(text) != text.size()) {
    repaired = utf8_lossy(text);
    text = repaired;
  }
  Ids ids;
  for (const Segment& segment : raw_finder.split(text)) {
    if (segment.id >= 0) {
      ids.push_back(segment.id);
    } else {
      encode_normalized(segment.text, segment.text.data() == text.data(), ids);
    }
  }
  return ids;
}

Tokenizer Tokenizer::from_text(std::string_view json, std::string_view origin) {
  auto parsed = parse_json(json, origin);
  return Tokenizer(std::make_shared<Impl>(read_tokenizer_json(JsonNode(parsed, std::string(origin)))));
}

Tokenizer Tokenizer::from_file(const std::filesystem::path& path) {
  auto folder = std::filesystem::is_directory(path) ? path : path.parent_path();
  TokenizerParts parts = read_any(path);
  if (auto end = configured_end(read_config(folder), folder); !end.empty()) parts.end_token = end;
  return Tokenizer(std::make_shared<Impl>(std::move(parts)));
}

Ids Tokenizer::encode(std::string_view text, bool add_special_tokens) const {
  std::vector<Ids> sequences{impl_->encode_text(text)};
  impl_->parts.post_processor(sequences, add_special_tokens);
  if (sequences.size() == 1) return std::move(sequences[0]);
  Ids ids;
  for (const Ids& part : sequences) ids.insert(ids.end(), part.begin(), part.end());
  return ids;
}

Ids Tokenizer::encode_pair(std::string_view first, std::string_view second, bool add_special_tokens) const {
  std::vector<Ids> sequences{impl_->encode_text(first), impl_->encode_text(second)};
  impl_->parts.post_processor(sequences, add_special_tokens);
  Ids ids;
  for (const Ids& part : sequences) ids.insert(ids.end(), part.begin(), part.end());
  return ids;
}

std::string Tokenizer::decode(std::span<const int32_t> ids, bool skip_special_tokens) const {
  std::vector<std::string> pieces;
  pieces.reserve(ids.size());
  for (int32_t id : ids) {
    if (skip_special_tokens && is_special(id)) continue;
    if (auto found = impl_->parts.texts.find(id); found != impl_->parts.texts.end()) pieces.push_back(found->second);
  }
  impl_->parts.decoder(pieces);
  std::string text;
  for (const std::string& piece : pieces) text += piece;
  return text;
}

int32_t Tokenizer::vocab_size() const { return impl_->vocab_size; }

std::optional<int32_t> Tokenizer::token_to_id(std::string_view token) const {
  if (auto found = impl_->added.find(token); found != impl_->added.end()) return found->second;
  const Vocabulary& vocabulary = impl_->parts.model->vocabulary();
  if (auto found = vocabulary.find(token); found != vocabulary.end()) return found->second;
  return std::nullopt;
}

std::optional<std::string> Tokenizer::id_to_token(int32_t id) const {
  if (auto found = impl_->parts.texts.find(id); found != impl_->parts.texts.end()) return found->second;
  return std::nullopt;
}

bool Tokenizer::is_special(int32_t id) const { return impl_->parts.special.contains(id); }

std::vector<int32_t> Tokenizer::special_ids() const {
  return {impl_->parts.special.begin(), impl_->parts.special.end()};
}

std::optional<int32_t> Tokenizer::end_of_text() const {
  if (!impl_->parts.end_token.empty()) return token_to_id(impl_->parts.end_token);
  for (std::string_view name :
       {"<|endoftext|>", "<|end_of_text|>", "</s>", "<｜end▁of▁sentence｜>", "<eos>", "<|im_end|>"}) {
    if (auto id = token_to_id(name); id && is_special(*id)) return id;
  }
  return std::nullopt;
}

}  // namespace loongforge::tokenizer
