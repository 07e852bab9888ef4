// SPDX-License-Identifier: Apache-2.0
// Vocabularies of ranked byte strings: *.tiktoken, and Mistral's tekken.json.
#include <algorithm>
#include <charconv>
#include <unordered_set>

#include "loongforge/core/error.h"
#include "tokenizer/bpe.h"
#include "tokenizer/charsmap.h"
#include "tokenizer/parts.h"
#include "tokenizer/regex.h"
#include "tokenizer/splitting.h"
#include "tokenizer/unicode.h"

namespace loongforge::tokenizer {
namespace {

using Ranks = std::vector<std::pair<std::string, int32_t>>;

constexpr std::string_view kGpt2 = R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view kCl100k = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3})"
                                     R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen35 = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N})"
                                     R"(| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kO200k =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"(\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

constexpr int32_t kMostSpecials = 1'000'000;

using Specials = std::vector<std::pair<int32_t, std::string>>;

/// A vocabulary that is told by its file's name, or else by its number of ranks.
struct Known {
  std::string_view name;
  size_t ranks;
  std::string_view pattern;
  bool nfc;
  Specials (*specials)();
};

Specials numbered(int32_t first, std::initializer_list<std::string_view> names) {
  Specials out;
  for (std::string_view name : names) out.emplace_back(first++, name);
  return out;
}

Specials gpt2_specials() { return numbered(50256, {"<|endoftext|>"}); }
Specials cl100k_specials() {
  Specials out = numbered(100257, {"<|endoftext|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>"});
  out.emplace_back(100276, "<|endofprompt|>");
  return out;
}
Specials o200k_specials() { return {{199999, "<|endoftext|>"}, {200018, "<|endofprompt|>"}}; }
Specials qwen_specials() {
  Specials out = numbered(151643, {"<|endoftext|>", "<|im_start|>", "<|im_end|>"});
  for (int i = 0; i < 205; ++i) out.emplace_back(151646 + i, fmt::format("<|extra_{}|>", i));
  return out;
}
Specials qwen35_specials() {
  return numbered(248044, {"<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>",
                           "<|box_start|>", "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>",
                           "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>"});
}
Specials llama3_specials() {
  Specials out = numbered(128000, {"<|begin_of_text|>", "<|end_of_text|>"});
  for (int i = 0; i < 4; ++i) out.emplace_back(128002 + i, fmt::format("<|reserved_special_token_{}|>", i));
  out.emplace_back(128006, "<|start_header_id|>");
  out.emplace_back(128007, "<|end_header_id|>");
  out.emplace_back(128008, "<|reserved_special_token_4|>");
  out.emplace_back(128009, "<|eot_id|>");
  for (int i = 5; i < 251; ++i) out.emplace_back(128005 + i, fmt::format("<|reserved_special_token_{}|>", i));
  return out;
}

constexpr Known kKnown[] = {
    {"r50k_base", 50256, kGpt2, false, gpt2_specials},        {"p50k_base", 50280, kGpt2, false, gpt2_specials},
    {"cl100k_base", 100256, kCl100k, false, cl100k_specials}, {"o200k_base", 199998, kO200k, false, o200k_specials},
    {"qwen.tiktoken", 151643, kQwen, true, qwen_specials},    {"qwen3_5", 248044, kQwen35, true, qwen35_specials},
    {"llama3", 128000, kCl100k, false, llama3_specials},
};

const Known* find_known(const std::string& name, size_t ranks) {
  for (const Known& known : kKnown)
    if (name.find(known.name) != name.npos) return &known;
  for (const Known& known : kKnown)
    if (ranks == known.ranks) return &known;
  return nullptr;
}

Ranks read_ranks(std::string_view text, const std::string& origin) {
  Ranks ranks;
  std::unordered_set<int32_t> seen;
  size_t line = 0;
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    std::string_view entry = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++line;
    if (entry.ends_with('\r')) entry.remove_suffix(1);
    if (entry.empty()) continue;
    auto refuse = [&](std::string_view what) {
      throw DataError(fmt::format("{}:{}: {}", origin, line, what),
                      "a line is a token in base64, a space and its rank");
    };
    size_t space = entry.find(' ');
    int32_t rank = -1;
    if (space == entry.npos || space == 0) refuse("not a ranked token");
    auto [stop, error] = std::from_chars(entry.data() + space + 1, entry.data() + entry.size(), rank);
    if (error != std::errc() || stop != entry.data() + entry.size() || rank < 0 || rank == INT32_MAX)
      refuse("the rank is not a number");
    if (!seen.insert(rank).second) refuse(fmt::format("rank {} is there twice", rank));
    try {
      ranks.emplace_back(decode_base64(entry.substr(0, space)), rank);
    } catch (const DataError& failure) {
      refuse(failure.what());
    }
  }
  return ranks;
}

TokenizerParts parts_of(const Ranks& ranks, std::string_view pattern, bool nfc, const std::string& origin) {
  TokenizerParts parts;
  parts.normalizer = [nfc](std::string& text) {
    if (nfc) text = normalize(text, NormalForm::nfc);
  };
  parts.pre_tokenizer = [regex = Regex(pattern, Syntax::rust)](Pieces& pieces) {
    std::vector<std::string_view> words;
    for (std::string_view word : pieces.words) split_at(word, regex.find_all(word), false, Behavior::isolated, words);
    pieces.words = std::move(words);
  };
  parts.post_processor = make_post_processor(JsonNode(nlohmann::json(), origin));
  parts.decoder = make_decoder(JsonNode(nlohmann::json{{"type", "ByteLevel"}}, origin));
  try {
    parts.model = std::make_unique<Bpe>(ranks);
  } catch (const DataError& error) {
    throw DataError(fmt::format("{}: {}", origin, error.what()), "copy the vocabulary again");
  }
  for (const auto& [token, id] : parts.model->vocabulary()) parts.texts.emplace(id, token);
  return parts;
}

AddedToken special_token(int32_t id, std::string content) {
  AddedToken token;
  token.id = id;
  token.content = std::move(content);
  token.special = true;
  return token;
}

}  // namespace

TokenizerParts read_tiktoken(std::string_view text, const std::filesystem::path& path, const nlohmann::json& config) {
  Ranks ranks = read_ranks(text, path.string());
  const Known* known = find_known(path.filename().string(), ranks.size());
  bool configured = config.is_object() && config.contains("pat_str") && config["pat_str"].is_string();
  if (known == nullptr && !configured)
    throw DataError(fmt::format("{}: the pattern of this vocabulary is not known", path.string()),
                    "give it as \"pat_str\" in tokenizer_config.json beside the file");
  std::string pattern(configured ? config["pat_str"].get<std::string>() : std::string(known->pattern));
  TokenizerParts parts = parts_of(ranks, pattern, known != nullptr && known->nfc, path.string());
  parts.added = configured_tokens(config, path.string());
  if (parts.added.empty() && known != nullptr)
    for (auto& [id, content] : known->specials()) parts.added.push_back(special_token(id, content));
  return parts;
}

TokenizerParts read_tekken(const JsonNode& root) {
  JsonNode config = root.at("config");
  int32_t specials = config.at("default_num_special_tokens").id(), size = config.at("default_vocab_size").id();
  if (specials > kMostSpecials) config.at("default_num_special_tokens").fail("more than a million");
  if (size <= specials) config.at("default_vocab_size").fail("leaves no room beside the special tokens");
  Ranks ranks;
  for (const JsonNode& entry : root.at("vocab").elements()) {
    int32_t rank = entry.at("rank").id();
    if (rank >= size - specials) continue;
    ranks.emplace_back(decode_base64(entry.at("token_bytes").string()), rank + specials);
  }
  TokenizerParts parts = parts_of(ranks, config.at("pattern").string(), false, root.path());
  // Files without a list have the first format's.
  static constexpr std::string_view kFirst[] = {"<unk>",
                                                "<s>",
                                                "</s>",
                                                "[INST]",
                                                "[/INST]",
                                                "[AVAILABLE_TOOLS]",
                                                "[/AVAILABLE_TOOLS]",
                                                "[TOOL_RESULTS]",
                                                "[/TOOL_RESULTS]",
                                                "[TOOL_CALLS]",
                                                "[IMG]",
                                                "<pad>",
                                                "[IMG_BREAK]",
                                                "[IMG_END]",
                                                "[PREFIX]",
                                                "[MIDDLE]",
                                                "[SUFFIX]",
                                                "[SYSTEM_PROMPT]",
                                                "[/SYSTEM_PROMPT]",
                                                "[TOOL_CONTENT]"};
  std::vector<std::string> names(std::begin(kFirst), std::end(kFirst));
  if (root.has("special_tokens")) {
    names.clear();
    for (const JsonNode& entry : root.at("special_tokens").elements()) {
      auto rank = static_cast<size_t>(entry.at("rank").id());
      if (rank >= static_cast<size_t>(specials)) entry.fail("the rank is not one of the special tokens'");
      if (names.size() <= rank) names.resize(rank + 1);
      names[rank] = entry.at("token_str").string();
    }
  }
  names.resize(static_cast<size_t>(specials));
  for (size_t id = 0; id < names.size(); ++id)
    parts.added.push_back(
        special_token(static_cast<int32_t>(id), names[id].empty() ? fmt::format("<SPECIAL_{}>", id) : names[id]));
  parts.end_token = "</s>";
  return parts;
}

}  // namespace loongforge::tokenizer
