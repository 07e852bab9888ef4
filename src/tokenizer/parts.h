// SPDX-License-Identifier: Apache-2.0
// What a tokenizer is made of, whichever files it comes from.
#pragma once
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "tokenizer/added_tokens.h"
#include "tokenizer/decoder.h"
#include "tokenizer/model.h"
#include "tokenizer/normalizer.h"
#include "tokenizer/post_processor.h"
#include "tokenizer/pre_tokenizer.h"

namespace loongforge::tokenizer {

struct TokenizerParts {
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  PostProcessor post_processor;
  Decoder decoder;
  std::unique_ptr<Model> model;
  std::vector<AddedToken> added;                   // ids settled, in the order of the files
  std::unordered_map<int32_t, std::string> texts;  // of the model's ids, for decoding
  std::set<int32_t> special;                       // beside those of `added`
  std::string end_token;
};

/// The keys of a tokenizer_config.json; null when there is none.
nlohmann::json read_config(const std::filesystem::path& folder);
/// A JSON document; DataError with the line of what is wrong.
nlohmann::json parse_json(std::string_view text, std::string_view origin);
/// The "added_tokens_decoder" of a tokenizer_config.json, by id.
std::vector<AddedToken> configured_tokens(const nlohmann::json& config, const std::string& origin);

TokenizerParts read_tokenizer_json(const JsonNode& root);
/// A SentencePiece model. `config`: "add_bos_token", "add_eos_token", "added_tokens_decoder" of tokenizer_config.json.
TokenizerParts read_sentencepiece(std::string_view bytes, const std::string& origin, const nlohmann::json& config);
/// Lines "<base64> <rank>". The pattern is the config's "pat_str", or that of a known vocabulary (by name or size).
TokenizerParts read_tiktoken(std::string_view text, const std::filesystem::path& path, const nlohmann::json& config);
/// Mistral's tekken.json.
TokenizerParts read_tekken(const JsonNode& root);
/// GPT-2's vocab.json and merges.txt.
TokenizerParts read_vocab_merges(const std::filesystem::path& folder, const nlohmann::json& config);
/// BERT's vocab.txt.
TokenizerParts read_vocab_txt(const std::filesystem::path& path, const nlohmann::json& config);

/// Finds out by content what `path`, a file or a folder, holds, and reads it.
TokenizerParts read_any(const std::filesystem::path& path);

}  // namespace loongforge::tokenizer
