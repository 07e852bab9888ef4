// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/decoder.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "loongforge/core/error.h"
#include "tokenizer/normalizer.h"
#include "tokenizer/unicode.h"

namespace loongforge::tokenizer {
namespace {

using Tokens = std::vector<std::string>;
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

void join_with_spaces(Tokens& tokens) {
  for (size_t i = 1; i < tokens.size(); ++i) tokens[i].insert(size_t{0}, 1, ' ');
}

void byte_level(Tokens& tokens) {
  std::string bytes;
  for (const std::string& token : tokens) {
    std::string decoded;
    bool all = true;
    for (size_t pos = 0; pos < token.size() && all;) {
      auto byte = char_to_byte(next_code_point(token, pos));
      all = byte.has_value();
      if (all) decoded += static_cast<char>(*byte);
    }
    bytes += all ? decoded : token;
  }
  tokens = {utf8_lossy(bytes)};
}

std::optional<char> byte_token(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return std::nullopt;
  unsigned value = 0;
  auto [end, error] = std::from_chars(token.data() + 3, token.data() + 5, value, 16);
  if (error != std::errc() || end != token.data() + 5) return std::nullopt;
  return static_cast<char>(value);
}

void byte_fallback(Tokens& tokens) {
  Tokens out;
  std::string pending;
  auto flush = [&] {
    if (valid_utf8_prefix(pending) == pending.size()) {
      if (!pending.empty()) out.push_back(pending);
    } else {
      out.insert(out.end(), pending.size(), std::string(kReplacement));
    }
    pending.clear();
  };
  for (std::string& token : tokens) {
    if (auto byte = byte_token(token)) {
      pending += *byte;
    } else {
      flush();
      out.push_back(std::move(token));
    }
  }
  flush();
  tokens = std::move(out);
}

void fuse(Tokens& tokens) {
  std::string all;
  for (const std::string& token : tokens) all += token;
  tokens = {std::move(all)};
}

Decoder make_strip(const JsonNode& node) {
  auto start = node.at("start").id(), stop = node.at("stop").id();
  if (node.at("content").string().empty()) node.at("content").fail("expected a character");
  return [content = node.at("content").string(), start, stop](Tokens& tokens) {
    for (std::string& token : tokens) {
      std::string_view rest = token;
      for (int i = 0; i < start && rest.starts_with(content); ++i) rest.remove_prefix(content.size());
      for (int i = 0; i < stop && rest.ends_with(content); ++i) rest.remove_suffix(content.size());
      token = std::string(rest);
    }
  };
}

Decoder make_metaspace_decoder(const JsonNode& node) {
  std::string mark = node.string_or("replacement", "\xE2\x96\x81");
  std::string scheme = node.string_or("prepend_scheme", node.bool_or("add_prefix_space", true) ? "always" : "never");
  return [pattern = Regex::literal(mark), drop_first = scheme != "never"](Tokens& tokens) {
    for (size_t i = 0; i < tokens.size(); ++i) {
      tokens[i] = pattern.replace_all(tokens[i], " ");
      if (i == 0 && drop_first && tokens[i].starts_with(' ')) tokens[i].erase(0, 1);
    }
  };
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  if (from.empty()) return;
  for (size_t at = text.find(from); at != text.npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

// English punctuation and contractions back to where they were.
void clean_up(std::string& text) {
  static constexpr std::pair<std::string_view, std::string_view> kRules[] = {
      {" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},   {" n't", "n't"},
      {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (auto [from, to] : kRules) replace_all(text, from, to);
}

Decoder make_word_piece(const JsonNode& node) {
  return [prefix = node.string_or("prefix", "##"), tidy = node.bool_or("cleanup", true)](Tokens& tokens) {
    for (size_t i = 0; i < tokens.size(); ++i) {
      if (i > 0 && tokens[i].starts_with(prefix)) {
        tokens[i].erase(0, prefix.size());
      } else if (i > 0) {
        tokens[i].insert(size_t{0}, 1, ' ');
      }
      if (tidy) clean_up(tokens[i]);
    }
  };
}

Decoder make_bpe(const JsonNode& node) {
  return [suffix = node.string_or("suffix", "</w>")](Tokens& tokens) {
    for (size_t i = 0; i < tokens.size(); ++i) replace_all(tokens[i], suffix, i + 1 == tokens.size() ? "" : " ");
  };
}

Decoder make_ctc(const JsonNode& node) {
  return [pad = node.string_or("pad_token", "<pad>"), space = node.string_or("word_delimiter_token", "|"),
          tidy = node.bool_or("cleanup", true)](Tokens& tokens) {
    tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
    for (std::string& token : tokens) {
      replace_all(token, pad, "");
      if (!tidy) continue;
      clean_up(token);
      replace_all(token, space, " ");
    }
    std::erase(tokens, "");
  };
}

Decoder make_decoder_sequence(const JsonNode& node, int depth) {
  std::vector<Decoder> parts;
  for (const JsonNode& part : node.at("decoders").elements()) parts.push_back(make_decoder(part, depth + 1));
  return [parts](Tokens& tokens) {
    for (const Decoder& part : parts) part(tokens);
  };
}

}  // namespace

Decoder make_decoder(const JsonNode& node, int depth) {
  if (node.is_null()) return join_with_spaces;
  if (depth > kMaxNesting) node.fail("nested too deep");
  std::string type = node.at("type").string();
  if (type == "Sequence") return make_decoder_sequence(node, depth);
  if (type == "ByteLevel") return byte_level;
  if (type == "ByteFallback") return byte_fallback;
  if (type == "Fuse") return fuse;
  if (type == "Strip") return make_strip(node);
  if (type == "Metaspace") return make_metaspace_decoder(node);
  if (type == "WordPiece") return make_word_piece(node);
  if (type == "BPEDecoder") return make_bpe(node);
  if (type == "CTC") return make_ctc(node);
  if (type == "Replace") {
    return [pattern = make_pattern(node.at("pattern")), content = node.at("content").string()](Tokens& tokens) {
      for (std::string& token : tokens) token = pattern.replace_all(token, content);
    };
  }
  node.fail(fmt::format("decoder '{}' is not supported", type));
}

}  // namespace loongforge::tokenizer
