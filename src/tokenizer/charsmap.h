// SPDX-License-Identifier: Apache-2.0
// SentencePiece's precompiled_charsmap: a double array (darts-clone) from byte strings to what replaces them.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace loongforge::tokenizer {

class Charsmap {
 public:
  struct Hit {
    size_t length = 0;  ///< bytes replaced
    std::string_view replacement;
  };

  Charsmap() = default;
  /// DataError when `blob` is cut off or inconsistent.
  explicit Charsmap(std::string_view blob);

  bool empty() const { return units_.empty(); }
  std::optional<Hit> shortest(std::string_view text) const { return find(text, true); }
  std::optional<Hit> longest(std::string_view text) const { return find(text, false); }
  /// As the tokenizers package: graphemes of fewer than six bytes are looked up whole, then character by character; the
  /// shortest rule that the text begins with replaces all of what was looked up.
  std::string normalize_graphemes(std::string_view text) const;

 private:
  std::optional<Hit> find(std::string_view text, bool first) const;
  std::vector<uint32_t> units_;
  std::string replacements_;
};

/// DataError for what isn't base64 (padding may be missing).
std::string decode_base64(std::string_view text);

}  // namespace loongforge::tokenizer
