// SPDX-License-Identifier: Apache-2.0
// Folders from before tokenizer.json: GPT-2's vocab.json with merges.txt, BERT's vocab.txt.
#include "loongforge/core/error.h"
#include "loongforge/core/files.h"
#include "loongforge/core/text.h"
#include "tokenizer/parts.h"
#include "tokenizer/unicode.h"

namespace loongforge::tokenizer {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

Json from_config(const Json& config, const char* key, Json fallback) {
  return config.is_object() && config.contains(key) && !config[key].is_null() ? config[key] : std::move(fallback);
}

std::string class_of(const Json& config) {
  Json name = from_config(config, "tokenizer_class", "");
  return name.is_string() ? name.get<std::string>() : "";
}

std::string_view without_return(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

Json special_in(const Json& vocabulary, const std::string& content) {
  return {{"id", vocabulary[content]}, {"content", content}, {"special", true}, {"normalized", false}};
}

TokenizerParts with_configured(TokenizerParts parts, const Json& config, const fs::path& file) {
  std::vector<AddedToken> configured = configured_tokens(config, file.string());
  if (!configured.empty()) parts.added = std::move(configured);
  return parts;
}

}  // namespace

TokenizerParts read_vocab_merges(const fs::path& folder, const Json& config) {
  fs::path file = folder / "vocab.json";
  Json vocabulary = parse_json(read_file(file), file.string()), merges = Json::array();
  if (!vocabulary.is_object()) throw DataError(file.string() + ": expected an object of tokens", "copy the file again");
  std::string text = read_file(folder / "merges.txt");
  for (std::string_view line : split(text, '\n')) {
    line = without_return(line);
    if (!line.empty() && !line.starts_with("#version")) merges.push_back(line);
    if (line.ends_with("</w>"))
      throw DataError(fmt::format("{}: a vocabulary of whole-word endings", file.string()),
                      "save the tokenizer as tokenizer.json, which says how it splits words");
  }
  Json bytes{{"type", "ByteLevel"}, {"add_prefix_space", from_config(config, "add_prefix_space", false)}};
  Json root{{"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", merges}}},
            {"pre_tokenizer", bytes},
            {"decoder", {{"type", "ByteLevel"}}},
            {"added_tokens", Json::array()}};
  for (const char* special : {"<s>", "</s>", "<pad>", "<unk>", "<mask>", "<|endoftext|>"})
    if (vocabulary.contains(special)) root["added_tokens"].push_back(special_in(vocabulary, special));
  if (class_of(config).starts_with("Roberta") && vocabulary.contains("<s>") && vocabulary.contains("</s>"))
    root["post_processor"] = {
        {"type", "RobertaProcessing"}, {"cls", {"<s>", vocabulary["<s>"]}}, {"sep", {"</s>", vocabulary["</s>"]}}};
  return with_configured(read_tokenizer_json(JsonNode(root, folder.string())), config, file);
}

TokenizerParts read_vocab_txt(const fs::path& path, const Json& config) {
  Json vocabulary = Json::object(), added = Json::array();
  std::string text = read_file(path);
  uint32_t id = 0;
  for (std::string_view line : split(text, '\n')) {
    std::string token(without_return(line));
    if (valid_utf8_prefix(token) != token.size())
      throw DataError(fmt::format("{}:{}: not valid UTF-8", path.string(), id + 1), "copy the file again");
    if (!token.empty()) vocabulary[token] = id;
    ++id;
  }
  for (const char* special : {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"})
    if (vocabulary.contains(special)) added.push_back(special_in(vocabulary, special));
  Json bert{{"type", "BertNormalizer"},
            {"clean_text", true},
            {"handle_chinese_chars", from_config(config, "tokenize_chinese_chars", true)},
            {"strip_accents", from_config(config, "strip_accents", nullptr)},
            {"lowercase", from_config(config, "do_lower_case", true)}};
  Json root{{"model", {{"type", "WordPiece"}, {"vocab", vocabulary}, {"unk_token", "[UNK]"}}},
            {"normalizer", bert},
            {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
            {"decoder", {{"type", "WordPiece"}}},
            {"added_tokens", added}};
  if (vocabulary.contains("[CLS]") && vocabulary.contains("[SEP]"))
    root["post_processor"] = {
        {"type", "BertProcessing"}, {"cls", {"[CLS]", vocabulary["[CLS]"]}}, {"sep", {"[SEP]", vocabulary["[SEP]"]}}};
  return with_configured(read_tokenizer_json(JsonNode(root, path.string())), config, path);
}

}  // namespace loongforge::tokenizer
