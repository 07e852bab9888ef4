// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/normalizer.h"

#include <map>

#include "loongforge/core/error.h"
#include "tokenizer/unicode.h"

namespace loongforge::tokenizer {
namespace {

constexpr int kMaxDepth = 32;

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
    if (!is_nonspacing_mark(next_code_point(text, pos))) out.append(text, at, pos - at);
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

Normalizer make_sequence(const JsonNode& node, int depth) {
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
  if (depth > kMaxDepth) node.fail("nested too deep");
  static const std::map<std::string, NormalForm> kForms{
      {"NFC", NormalForm::nfc}, {"NFD", NormalForm::nfd}, {"NFKC", NormalForm::nfkc}, {"NFKD", NormalForm::nfkd}};
  std::string type = node.at("type").string();
  if (auto form = kForms.find(type); form != kForms.end()) return in_form(form->second);
  if (type == "Sequence") return make_sequence(node, depth);
  if (type == "Lowercase") return [](std::string& text) { text = lowercase(text); };
  if (type == "StripAccents") return strip_accents;
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
