// SPDX-License-Identifier: Apache-2.0
#include "loongforge/tokenizer/tokenizer.h"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "loongforge/core/error.h"
#include "loongforge/core/files.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/bpe.h"
#include "tokenizer/decoder.h"
#include "tokenizer/normalizer.h"
#include "tokenizer/post_processor.h"
#include "tokenizer/pre_tokenizer.h"
#include "tokenizer/unicode.h"

namespace loongforge::tokenizer {
namespace {

nlohmann::json parse(std::string_view text, std::string_view origin) {
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::parse_error& error) {
    std::string_view before = text.substr(0, std::min(text.size(), error.byte));
    auto line = 1 + std::count(before.begin(), before.end(), '\n');
    throw DataError(fmt::format("{}:{}: not valid JSON (at byte {})", origin, line, error.byte), "copy the file again");
  }
}

JsonNode optional_part(const JsonNode& root, std::string_view key) {
  static const nlohmann::json kNull;
  return root.has(key) ? root.at(key) : JsonNode(kNull, fmt::format("{}.{}", root.path(), key));
}

// The "eos_token" of the tokenizer_config.json in `folder`: text, or an object with "content". Empty if there is none.
std::string configured_end(const std::filesystem::path& folder) {
  auto path = folder / "tokenizer_config.json";
  if (!std::filesystem::exists(path)) return {};
  auto json = parse(read_file(path), path.string());
  JsonNode config(json, path.string());
  if (!config.has("eos_token")) return {};
  JsonNode end = config.at("eos_token");
  return end.json().is_object() ? end.at("content").string() : end.string();
}

}  // namespace

struct Tokenizer::Impl {
  explicit Impl(const JsonNode& root);
  void add_tokens(const JsonNode& nodes);
  int32_t added_id(const std::string& content) const;
  void encode_words(std::string_view text, bool at_start, std::vector<int32_t>& ids) const;
  void encode_normalized(std::string_view text, bool at_start, std::vector<int32_t>& ids) const;

  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  PostProcessor post_processor;
  Decoder decoder;
  Bpe model;
  AddedTokenFinder raw_finder, normalized_finder;
  Vocabulary added;
  std::unordered_map<int32_t, std::string> tokens;
  std::set<int32_t> special;
  int32_t vocab_size = 0;
  std::string end_token;
};

namespace {

JsonNode bpe_model(const JsonNode& root) {
  JsonNode model = root.at("model");
  // Files of before 2020 name no type; what has merges is byte-pair encoding.
  std::string type = model.string_or("type", model.has("merges") ? "BPE" : "");
  if (type != "BPE") model.fail(fmt::format("model '{}' is not supported (only BPE is)", type));
  return model;
}

}  // namespace

Tokenizer::Impl::Impl(const JsonNode& root)
    : normalizer(make_normalizer(optional_part(root, "normalizer"))),
      pre_tokenizer(make_pre_tokenizer(optional_part(root, "pre_tokenizer"))),
      post_processor(make_post_processor(optional_part(root, "post_processor"))),
      decoder(make_decoder(optional_part(root, "decoder"))),
      model(bpe_model(root)) {
  for (const auto& [token, id] : model.vocabulary()) {
    tokens.emplace(id, token);
    vocab_size = std::max(vocab_size, id + 1);
  }
  if (root.has("added_tokens")) add_tokens(root.at("added_tokens"));
}

// As the tokenizers package: the id of a token that the model has, else the next one after all; never the file's.
int32_t Tokenizer::Impl::added_id(const std::string& content) const {
  const Vocabulary& known = model.vocabulary();
  if (auto found = known.find(content); found != known.end()) return found->second;
  if (auto found = added.find(content); found != added.end()) return found->second;
  auto next = static_cast<int32_t>(known.size());
  for (const auto& [token, id] : added) next = std::max(next, id + 1);
  return next;
}

void Tokenizer::Impl::add_tokens(const JsonNode& nodes) {
  for (const JsonNode& node : nodes.elements()) {
    AddedToken token = make_added_token(node);
    if (token.content.empty()) continue;
    token.id = added_id(token.content);
    added[token.content] = token.id;
    vocab_size = std::max(vocab_size, token.id + 1);
    if (token.special) special.insert(token.id);
    std::string pattern = token.content;
    if (token.normalized) normalizer(pattern);
    tokens[token.id] = pattern;  // normalized tokens decode to their normalized form, as in the package
    (token.normalized ? normalized_finder : raw_finder).add(token, pattern);
  }
}

void Tokenizer::Impl::encode_words(std::string_view text, bool at_start, std::vector<int32_t>& ids) const {
  Pieces pieces;
  pieces.at_start = at_start;
  pieces.words.push_back(text);
  pre_tokenizer(pieces);
  for (std::string_view word : pieces.words) model.encode(word, ids);
}

void Tokenizer::Impl::encode_normalized(std::string_view text, bool at_start, std::vector<int32_t>& ids) const {
  std::string normalized(text);
  normalizer(normalized);
  for (const Segment& segment : normalized_finder.split(normalized)) {
    if (segment.id >= 0) {
      ids.push_back(segment.id);
    } else {
      encode_words(segment.text, at_start && segment.text.data() == normalized.data(), ids);
    }
  }
}

Tokenizer Tokenizer::from_text(std::string_view json, std::string_view origin) {
  auto parsed = parse(json, origin);
  return Tokenizer(std::make_shared<Impl>(JsonNode(parsed, std::string(origin))));
}

Tokenizer Tokenizer::from_file(const std::filesystem::path& path) {
  auto file = std::filesystem::is_directory(path) ? path / "tokenizer.json" : path;
  auto parsed = parse(read_file(file), file.string());
  auto impl = std::make_shared<Impl>(JsonNode(parsed, file.string()));
  impl->end_token = configured_end(file.parent_path());
  return Tokenizer(std::move(impl));
}

std::vector<int32_t> Tokenizer::encode(std::string_view text, bool add_special_tokens) const {
  std::string repaired;
  if (valid_utf8_prefix(text) != text.size()) {
    repaired = utf8_lossy(text);
    text = repaired;
  }
  std::vector<int32_t> ids;
  for (const Segment& segment : impl_->raw_finder.split(text)) {
    if (segment.id >= 0) {
      ids.push_back(segment.id);
    } else {
      impl_->encode_normalized(segment.text, segment.text.data() == text.data(), ids);
    }
  }
  if (add_special_tokens) impl_->post_processor(ids);
  return ids;
}

std::string Tokenizer::decode(std::span<const int32_t> ids, bool skip_special_tokens) const {
  std::vector<std::string> pieces;
  pieces.reserve(ids.size());
  for (int32_t id : ids) {
    if (skip_special_tokens && is_special(id)) continue;
    if (auto found = impl_->tokens.find(id); found != impl_->tokens.end()) pieces.push_back(found->second);
  }
  impl_->decoder(pieces);
  std::string text;
  for (const std::string& piece : pieces) text += piece;
  return text;
}

int32_t Tokenizer::vocab_size() const { return impl_->vocab_size; }

std::optional<int32_t> Tokenizer::token_to_id(std::string_view token) const {
  if (auto found = impl_->added.find(token); found != impl_->added.end()) return found->second;
  const Vocabulary& vocabulary = impl_->model.vocabulary();
  if (auto found = vocabulary.find(token); found != vocabulary.end()) return found->second;
  return std::nullopt;
}

std::optional<std::string> Tokenizer::id_to_token(int32_t id) const {
  if (auto found = impl_->tokens.find(id); found != impl_->tokens.end()) return found->second;
  return std::nullopt;
}

bool Tokenizer::is_special(int32_t id) const { return impl_->special.contains(id); }

std::vector<int32_t> Tokenizer::special_ids() const { return {impl_->special.begin(), impl_->special.end()}; }

std::optional<int32_t> Tokenizer::end_of_text() const {
  if (!impl_->end_token.empty()) return token_to_id(impl_->end_token);
  for (std::string_view name :
       {"<|endoftext|>", "<|end_of_text|>", "</s>", "<｜end▁of▁sentence｜>", "<eos>", "<|im_end|>"}) {
    if (auto id = token_to_id(name); id && is_special(*id)) return id;
  }
  return std::nullopt;
}

}  // namespace loongforge::tokenizer
