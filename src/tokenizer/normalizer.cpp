// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/normalizer.h"

#include <algorithm>
#include <map>
#include <memory>

#include "loongforge/core/error.h"
#include "tokenizer/charsmap.h"
#include "tokenizer/code_points.h"
#include "tokenizer/unicode.h"

namespace loongforge::tokenizer {
namespace {

void strip(std::string& text, bool left, bool right) {
  size_t begin = 0, end = 0;
  bool seen = false;
  for (size_t pos = 0; pos < text.size();) {
    size_t at = pos;
    if (is_whitespace(next_code_point(text, pos))) continue;
    if (!seen) begin = at;
    seen = true;
    end = pos;
  }
  if (!seen) begin = end = left || right ? text.size() : 0;
  text = text.substr(left ? begin : 0, (right ? end : text.size()) - (left ? begin : 0));
}

void strip_accents(std::string& text) {
  std::string out;
  for (size_t pos = 0; pos < text.size();) {
    size_t at = pos;
    if (!is_accent(next_code_point(text, pos))) out.append(text, at, pos - at);
  }
  text = std::move(out);
}

void to_byte_alphabet(std::string& text) {
  std::string out;
  for (char c : text) out += byte_to_char(static_cast<uint8_t>(c));
  text = std::move(out);
}

Normalizer in_form(NormalForm form) {
  return [form](std::string& text) { text = normalize(text, form); };
}

void nmt(std::string& text) {
  std::string out;
  for (size_t pos = 0; pos < text.size();) {
    size_t begin = pos;
    uint32_t c = next_code_point(text, pos);
    bool space = c == 0x9 || c == 0xA || c == 0xC || c == 0xD || c == 0x1680 || (c >= 0x200B && c <= 0x200F) ||
                 c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xFEFF || c == 0xFFFD;
    bool removed = c == 0xB || (c >= 0x1 && c <= 0x8) || (c >= 0xE && c <= 0x1F) || c == 0x7F || c == 0x8F || c == 0x9F;
    if (space) {
      out += ' ';
    } else if (!removed) {
      out.append(text, begin, pos - begin);
    }
  }
  text = std::move(out);
}

// The package's ranges of CJK ideographs (one of them differs from the original BERT's).
bool is_chinese(uint32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x20000 && c <= 0x2A6DF) ||
         (c >= 0x2A700 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) || (c >= 0xF900 && c <= 0xFAFF) ||
         (c >= 0x2F800 && c <= 0x2FA1F);
}

struct BertSteps {
  bool clean, chinese, accents, lower;
};

void clean_and_space(std::string& text, const BertSteps& steps) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  for (size_t pos = 0; pos < text.size();) {
    size_t begin = pos;
    uint32_t c = next_code_point(text, pos);
    bool kept_control = c == '\t' || c == '\n' || c == '\r';
    if (steps.clean && !kept_control && has(c, Property::cleaned)) continue;
    if (steps.clean && (kept_control || is_whitespace(c))) {
      out += ' ';
    } else if (steps.chinese && is_chinese(c)) {
      out.append(" ").append(text, begin, pos - begin).append(" ");
    } else {
      out.append(text, begin, pos - begin);
    }
  }
  text = std::move(out);
}

void strip_bert_accents(std::string& text) {
  text = normalize(text, NormalForm::nfd);
  std::string out;
  out.reserve(text.size());
  for (size_t pos = 0; pos < text.size();) {
    size_t begin = pos;
    if (!has(next_code_point(text, pos), Property::bert_accent)) out.append(text, begin, pos - begin);
  }
  text = std::move(out);
}

Normalizer make_bert(const JsonNode& node) {
  BertSteps steps{node.bool_or("clean_text", true), node.bool_or("handle_chinese_chars", true), false,
                  node.bool_or("lowercase", true)};
  steps.accents = node.bool_or("strip_accents", steps.lower);
  return [steps](std::string& text) {
    if (steps.clean || steps.chinese) clean_and_space(text, steps);
    bool ascii = std::all_of(text.begin(), text.end(), [](char c) { return static_cast<uint8_t>(c) < 0x80; });
    if (steps.accents && !ascii) strip_bert_accents(text);
    if (steps.lower) text = lowercase(text);
  };
}

Normalizer make_precompiled(const JsonNode& node) {
  JsonNode text = node.at("precompiled_charsmap");
  if (text.is_null()) return [](std::string&) {};
  try {
    return [map = std::make_shared<const Charsmap>(decode_base64(text.string()))](std::string& normalized) {
      if (!map->empty()) normalized = map->normalize_graphemes(normalized);
    };
  } catch (const DataError& error) {
    text.fail(error.what());
  }
}

Normalizer make_normalizer_sequence(const JsonNode& node, int depth) {
  std::vector<Normalizer> parts;
  for (const JsonNode& part : node.at("normalizers").elements()) parts.push_back(make_normalizer(part, depth + 1));
  return [parts](std::string& text) {
    for (const Normalizer& part : parts) part(text);
  };
}

}  // namespace

Regex make_pattern(const JsonNode& node) {
  if (node.has("String")) return Regex::literal(node.at("String").string());
  if (!node.has("Regex")) node.fail("expected {\"String\": …} or {\"Regex\": …}");
  try {
    return Regex(node.at("Regex").string());
  } catch (const DataError& error) {
    node.fail(error.what());
  }
}

Normalizer make_normalizer(const JsonNode& node, int depth) {
  if (node.is_null()) return [](std::string&) {};
  if (depth > kMaxNesting) node.fail("nested too deep");
  static const std::map<std::string, NormalForm> kForms{
      {"NFC", NormalForm::nfc}, {"NFD", NormalForm::nfd}, {"NFKC", NormalForm::nfkc}, {"NFKD", NormalForm::nfkd}};
  std::string type = node.at("type").string();
  if (auto form = kForms.find(type); form != kForms.end()) return in_form(form->second);
  if (type == "Sequence") return make_normalizer_sequence(node, depth);
  if (type == "Lowercase") return [](std::string& text) { text = lowercase(text); };
  if (type == "StripAccents") return strip_accents;
  if (type == "Nmt") return nmt;
  if (type == "BertNormalizer") return make_bert(node);
  if (type == "Precompiled") return make_precompiled(node);
  if (type == "ByteLevel") return to_byte_alphabet;
  if (type == "Prepend") {
    return [prefix = node.at("prepend").string()](std::string& text) {
      if (!text.empty()) text.insert(0, prefix);
    };
  }
  if (type == "Replace") {
    return [pattern = make_pattern(node.at("pattern")), content = node.at("content").string()](std::string& text) {
      text = pattern.replace_all(text, content);
    };
  }
  if (type == "Strip") {
    return [left = node.bool_or("strip_left", true), right = node.bool_or("strip_right", true)](std::string& text) {
      strip(text, left, right);
    };
  }
  node.fail(fmt::format("normalizer '{}' is not supported", type));
}

}  // namespace loongforge::tokenizer
