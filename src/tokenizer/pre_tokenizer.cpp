// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/pre_tokenizer.h"

#include <algorithm>

#include "loongforge/core/error.h"
#include "tokenizer/normalizer.h"
#include "tokenizer/regex.h"
#include "tokenizer/splitting.h"
#include "tokenizer/unicode.h"

namespace loongforge::tokenizer {
namespace {

constexpr std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

using Finder = std::function<std::vector<Match>(std::string_view)>;

PreTokenizer splitter(Finder find, Behavior behavior, bool invert = false) {
  return [find = std::move(find), behavior, invert](Pieces& pieces) {
    std::vector<std::string_view> words;
    words.reserve(pieces.words.size() * 2);
    for (std::string_view word : pieces.words) split_at(word, find(word), invert, behavior, words);
    pieces.words = std::move(words);
  };
}

PreTokenizer regex_splitter(Regex regex, Behavior behavior, bool invert = false) {
  return splitter([regex = std::move(regex)](std::string_view text) { return regex.find_all(text); }, behavior, invert);
}

PreTokenizer character_splitter(bool (*is_delimiter)(uint32_t), Behavior behavior) {
  return splitter([is_delimiter](std::string_view text) { return match_characters(text, is_delimiter); }, behavior);
}

void prepend_space(Pieces& pieces) {
  for (std::string_view& word : pieces.words)
    if (!word.starts_with(' ')) word = pieces.owned.emplace_back(" ").append(word);
}

void to_byte_alphabet(Pieces& pieces) {
  size_t size = 0;
  for (std::string_view word : pieces.words) size += word.size();
  std::string& buffer = pieces.owned.emplace_back();
  buffer.reserve(2 * size);  // so that views into it stay valid
  for (std::string_view& word : pieces.words) {
    size_t begin = buffer.size();
    for (char c : word) buffer += byte_to_char(static_cast<uint8_t>(c));
    word = std::string_view(buffer).substr(begin);
  }
}

PreTokenizer make_byte_level(const JsonNode& node, bool keep_bytes) {
  PreTokenizer words = [](Pieces&) {};
  if (node.bool_or("use_regex", true)) words = regex_splitter(Regex(kGpt2Pattern), Behavior::isolated);
  return [words, keep_bytes, add_space = node.bool_or("add_prefix_space", true)](Pieces& pieces) {
    if (add_space) prepend_space(pieces);
    words(pieces);
    if (!keep_bytes) to_byte_alphabet(pieces);
  };
}

PreTokenizer make_metaspace(const JsonNode& node) {
  std::string mark = node.string_or("replacement", "\xE2\x96\x81");
  std::string scheme = node.string_or("prepend_scheme", node.bool_or("add_prefix_space", true) ? "always" : "never");
  if (scheme != "always" && scheme != "never" && scheme != "first")
    node.fail(fmt::format("prepend_scheme '{}' is not supported", scheme));
  PreTokenizer cut = [](Pieces&) {};
  if (node.bool_or("split", true)) cut = regex_splitter(Regex::literal(mark), Behavior::merged_with_next);
  return [mark, scheme, cut, space = Regex::literal(" ")](Pieces& pieces) {
    bool first = true;
    for (std::string_view& word : pieces.words) {
      std::string text = space.replace_all(word, mark);
      bool prepend = scheme == "always" || (scheme == "first" && first && pieces.at_start);
      if (prepend && !text.starts_with(mark)) text.insert(0, mark);
      word = pieces.owned.emplace_back(std::move(text));
      first = false;
    }
    cut(pieces);
  };
}

PreTokenizer make_bert() {
  return [spaces = character_splitter(is_whitespace, Behavior::removed),
          marks = character_splitter(is_punctuation, Behavior::isolated)](Pieces& pieces) {
    spaces(pieces);
    marks(pieces);
  };
}

PreTokenizer make_delimiter(const JsonNode& node) {
  std::string delimiter = node.at("delimiter").string();
  size_t end = 0;
  if (!delimiter.empty()) next_code_point(delimiter, end);
  if (delimiter.empty() || end != delimiter.size()) node.at("delimiter").fail("expected one character");
  return regex_splitter(Regex::literal(delimiter), Behavior::removed);
}

PreTokenizer make_fixed_length(const JsonNode& node) {
  int32_t length = node.has("length") ? node.at("length").id() : 5;
  if (length == 0) node.at("length").fail("expected a positive number");
  return splitter(
      [length](std::string_view text) {
        std::vector<Match> matches;
        for (size_t pos = 0; pos < text.size();) {
          size_t begin = pos;
          for (int32_t i = 0; i < length && pos < text.size(); ++i) next_code_point(text, pos);
          matches.push_back({begin, pos});
        }
        return matches;
      },
      Behavior::isolated);
}

PreTokenizer make_pre_tokenizer_sequence(const JsonNode& node, int depth, bool keep_bytes) {
  std::vector<PreTokenizer> parts;
  std::vector<JsonNode> nodes = node.at("pretokenizers").elements();
  for (size_t i = 0; i < nodes.size(); ++i)
    parts.push_back(make_pre_tokenizer(nodes[i], depth + 1, keep_bytes && i + 1 == nodes.size()));
  return [parts](Pieces& pieces) {
    for (const PreTokenizer& part : parts) part(pieces);
  };
}

}  // namespace

bool ends_in_bytes(const JsonNode& node) {
  if (!node.has("type") || !node.at("type").json().is_string()) return false;
  if (node.at("type").string() == "ByteLevel") return true;
  if (node.at("type").string() != "Sequence" || !node.has("pretokenizers")) return false;
  std::vector<JsonNode> nodes = node.at("pretokenizers").elements();
  return !nodes.empty() && nodes.back().has("type") && nodes.back().at("type").json() == "ByteLevel" &&
         std::none_of(nodes.begin(), nodes.end() - 1, [](const JsonNode& part) {
           return part.has("type") && (part.at("type").json() == "ByteLevel" || part.at("type").json() == "Sequence");
         });
}

PreTokenizer make_pre_tokenizer(const JsonNode& node, int depth, bool keep_bytes) {
  if (node.is_null()) return [](Pieces&) {};
  if (depth > kMaxNesting) node.fail("nested too deep");
  std::string type = node.at("type").string();
  if (type == "Sequence") return make_pre_tokenizer_sequence(node, depth, keep_bytes);
  if (type == "ByteLevel") return make_byte_level(node, keep_bytes);
  if (type == "Metaspace") return make_metaspace(node);
  if (type == "Split")
    return regex_splitter(make_pattern(node.at("pattern")), make_behavior(node.at("behavior")),
                          node.bool_or("invert", false));
  if (type == "Digits")
    return character_splitter(is_numeric,
                              node.bool_or("individual_digits", false) ? Behavior::isolated : Behavior::contiguous);
  if (type == "Punctuation")
    return character_splitter(is_punctuation,
                              node.has("behavior") ? make_behavior(node.at("behavior")) : Behavior::isolated);
  if (type == "WhitespaceSplit") return character_splitter(is_whitespace, Behavior::removed);
  if (type == "Whitespace") return regex_splitter(Regex(R"(\w+|[^\w\s]+)", Syntax::rust), Behavior::removed, true);
  if (type == "BertPreTokenizer") return make_bert();
  if (type == "CharDelimiterSplit") return make_delimiter(node);
  if (type == "FixedLength") return make_fixed_length(node);
  node.fail(fmt::format("pre-tokenizer '{}' is not supported", type));
}

}  // namespace loongforge::tokenizer
