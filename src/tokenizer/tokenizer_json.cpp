// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "loongforge/core/error.h"
#include "tokenizer/parts.h"

namespace loongforge::tokenizer {
namespace {

JsonNode optional_part(const JsonNode& root, std::string_view key) {
  static const nlohmann::json kNull;
  return root.has(key) ? root.at(key) : JsonNode(kNull, fmt::format("{}.{}", root.path(), key));
}

// As the tokenizers package: the id of a token that the model has, else the next one after all; never the file's.
std::vector<AddedToken> read_added(const JsonNode& nodes, const Vocabulary& known) {
  std::vector<AddedToken> tokens;
  std::unordered_map<std::string, int32_t> added;
  auto next = static_cast<int32_t>(known.size());
  for (const JsonNode& node : nodes.elements()) {
    AddedToken token = make_added_token(node);
    if (token.content.empty()) continue;
    auto in_model = known.find(token.content);
    auto [place, fresh] = added.try_emplace(token.content, in_model != known.end() ? in_model->second : next);
    token.id = place->second;
    if (fresh) next = std::max(next, token.id + 1);
    tokens.push_back(std::move(token));
  }
  return tokens;
}

}  // namespace

TokenizerParts read_tokenizer_json(const JsonNode& root) {
  TokenizerParts parts;
  JsonNode words = optional_part(root, "pre_tokenizer");
  bool raw_bytes = ends_in_bytes(words);
  parts.model = make_model(root, raw_bytes);
  parts.normalizer = make_normalizer(optional_part(root, "normalizer"));
  parts.pre_tokenizer = make_pre_tokenizer(words, 0, raw_bytes);
  parts.post_processor = make_post_processor(optional_part(root, "post_processor"));
  parts.decoder = make_decoder(optional_part(root, "decoder"));
  for (const auto& [token, id] : parts.model->vocabulary()) parts.texts.emplace(id, token);
  if (root.has("added_tokens")) parts.added = read_added(root.at("added_tokens"), parts.model->vocabulary());
  return parts;
}

}  // namespace loongforge::tokenizer
