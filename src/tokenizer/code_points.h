// SPDX-License-Identifier: Apache-2.0
// Properties of code points as the tokenizers package has them (unicode_data.inc), and sets of code points.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace loongforge::tokenizer {

/// Properties beside the general category.
enum class Property : uint16_t {
  numeric = 1 << 5,      ///< the Digits pre-tokenizer's
  punctuation = 1 << 6,  ///< the Punctuation pre-tokenizer's
  accent = 1 << 7,       ///< what StripAccents removes
  word = 1 << 8,         ///< \w of Oniguruma
  cleaned = 1 << 9,      ///< what BertNormalizer's clean_text removes
  composing = 1 << 10,   ///< NFC may change it, or join it to what is before it
  han = 1 << 11,
  hiragana = 1 << 12,
  katakana = 1 << 13,
  bert_accent = 1 << 14,  ///< what BertNormalizer's strip_accents removes
  rust_word = 1 << 15,    ///< \w of Rust's regular expressions
};

/// General category (the low five bits, in the order of the generator) and properties. Any value is accepted.
uint16_t code_point_data(uint32_t code_point);
inline bool has(uint32_t code_point, Property property) {
  return (code_point_data(code_point) & static_cast<uint16_t>(property)) != 0;
}

class CodePointSet {
 public:
  struct Range {
    uint32_t first, last;
    bool operator==(const Range&) const = default;
  };
  static constexpr uint32_t kLast = 0x10FFFF;

  CodePointSet() = default;
  CodePointSet(std::initializer_list<Range> ranges);
  static CodePointSet with(Property property);
  /// By a general category ("Lu") or a group of them ("L"); none for other names.
  static std::optional<CodePointSet> of_category(std::string_view name);
  /// Unicode White_Space.
  static CodePointSet white_space();

  void add(const CodePointSet& other);
  CodePointSet complement() const;
  CodePointSet intersect(const CodePointSet& other) const;
  bool contains(uint32_t code_point) const;
  /// Ordered, disjoint, not adjacent.
  const std::vector<Range>& ranges() const { return ranges_; }
  bool operator==(const CodePointSet&) const = default;

 private:
  void tidy();
  std::vector<Range> ranges_;
};

}  // namespace loongforge::tokenizer
