// SPDX-License-Identifier: Apache-2.0
// Which tokenizer a file or a folder holds.
#include <algorithm>
#include <cctype>
#include <optional>

#include "loongforge/core/error.h"
#include "loongforge/core/files.h"
#include "loongforge/tokenizer/tokenizer.h"
#include "tokenizer/parts.h"

namespace loongforge::tokenizer {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// "QUJD 17", the first line of a *.tiktoken.
bool looks_ranked(std::string_view text) {
  std::string_view line = text.substr(0, std::min({text.find('\n'), text.size(), size_t{4096}}));
  size_t space = line.find(' ');
  if (space == line.npos || space == 0) return false;
  auto base64 = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '+' || c == '/' || c == '='; };
  auto digit = [](char c) { return (c >= '0' && c <= '9') || c == '\r'; };
  return std::all_of(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(space), base64) &&
         space + 1 < line.size() &&
         std::all_of(line.begin() + static_cast<std::ptrdiff_t>(space) + 1, line.end(), digit);
}

std::optional<fs::path> with_extension(const fs::path& folder, std::string_view extension) {
  std::vector<fs::path> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    if (entry.path().extension() == extension) found.push_back(entry.path());
  if (found.empty()) return std::nullopt;
  return *std::min_element(found.begin(), found.end());
}

// The file that says what the tokenizer of `folder` is.
fs::path main_file(const fs::path& folder) {
  for (const char* name :
       {"tokenizer.json", "tokenizer.model", "tiktoken.model", "spiece.model", "sentencepiece.bpe.model"})
    if (fs::exists(folder / name)) return folder / name;
  if (auto ranked = with_extension(folder, ".tiktoken")) return *ranked;
  if (fs::exists(folder / "tekken.json")) return folder / "tekken.json";
  if (fs::exists(folder / "vocab.json") && fs::exists(folder / "merges.txt")) return folder / "vocab.json";
  if (fs::exists(folder / "vocab.txt")) return folder / "vocab.txt";
  throw DataError(
      fmt::format("{} holds no tokenizer", folder.string()),
      "wanted: tokenizer.json, tokenizer.model, *.tiktoken, tekken.json, vocab.json with merges.txt, or vocab.txt");
}

TokenizerParts read_json(std::string_view text, const fs::path& path, const Json& config) {
  Json json = parse_json(text, path.string());
  JsonNode root(json, path.string());
  if (root.has("config") && root.has("vocab")) return read_tekken(root);
  if (!root.has("model") && path.filename() == "vocab.json" && fs::exists(path.parent_path() / "merges.txt"))
    return read_vocab_merges(path.parent_path(), config);
  return read_tokenizer_json(root);
}

}  // namespace

Json parse_json(std::string_view text, std::string_view origin) {
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    std::string_view before = text.substr(0, std::min(text.size(), error.byte));
    auto line = 1 + std::count(before.begin(), before.end(), '\n');
    throw DataError(fmt::format("{}:{}: not valid JSON (at byte {})", origin, line, error.byte), "copy the file again");
  }
}

Json read_config(const fs::path& folder) {
  auto path = folder / "tokenizer_config.json";
  if (!fs::exists(path)) return {};
  return parse_json(read_file(path), path.string());
}

std::vector<AddedToken> configured_tokens(const Json& config, const std::string& origin) {
  std::vector<AddedToken> tokens;
  if (!config.is_object() || !config.contains("added_tokens_decoder")) return tokens;
  JsonNode entries(config["added_tokens_decoder"],
                   (fs::path(origin).parent_path() / "tokenizer_config.json.added_tokens_decoder").string());
  if (!entries.json().is_object()) entries.fail("expected an object");
  for (const auto& [key, value] : entries.json().items()) {
    Json with_id = value;
    if (!with_id.is_object() || key.empty() || key.size() > 9 || key.find_first_not_of("0123456789") != key.npos)
      entries.fail(fmt::format("'{}' is no id with a token", key));
    with_id["id"] = std::stoul(key);
    tokens.push_back(make_added_token(JsonNode(with_id, entries.path() + "." + key)));
  }
  std::sort(tokens.begin(), tokens.end(), [](const AddedToken& a, const AddedToken& b) { return a.id < b.id; });
  return tokens;
}

std::vector<fs::path> tokenizer_files(const fs::path& path) {
  fs::path file = fs::is_directory(path) ? main_file(path) : path;
  std::vector<fs::path> files{file};
  for (const char* beside : {"tokenizer_config.json", "merges.txt"})
    if (fs::exists(file.parent_path() / beside) && file.filename() != beside)
      files.push_back(file.parent_path() / beside);
  return files;
}

TokenizerParts read_any(const fs::path& path) {
  fs::path file = fs::is_directory(path) ? main_file(path) : path;
  std::string text = read_file(file);
  Json config = read_config(file.parent_path());
  size_t begin = text.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  if (begin == text.npos) throw DataError(fmt::format("{} is empty", file.string()), "copy the file again");
  if (file.filename() == "vocab.txt") return read_vocab_txt(file, config);
  if (text[begin] == '{' || file.extension() == ".json") return read_json(text, file, config);
  if (looks_ranked(text)) return read_tiktoken(text, file, config);
  return read_sentencepiece(text, file.string(), config);
}

}  // namespace loongforge::tokenizer
