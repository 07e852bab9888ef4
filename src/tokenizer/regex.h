// SPDX-License-Identifier: Apache-2.0
// Regular expressions of tokenizer.json: Oniguruma's (Ruby) syntax run by PCRE2 with JIT.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace loongforge::tokenizer {

struct Match {
  size_t begin = 0, end = 0;
};

/// Oniguruma's Ruby syntax in PCRE2's: Unicode \s \w \d \h, scripts, nested and intersected classes, always-multiline
/// anchors, (?m) as dot-all, {n,m}+ as a repeat. DataError for what has no translation.
std::string pcre2_from_oniguruma(std::string_view pattern);

class Regex {
 public:
  /// Compiles Oniguruma syntax; DataError with PCRE2's message when it can't.
  explicit Regex(std::string_view pattern);
  static Regex literal(std::string_view text);

  /// All matches from left to right in valid UTF-8, without an empty match right after a match. DataError when the
  /// pattern backtracks beyond PCRE2's limit.
  std::vector<Match> find_all(std::string_view text) const;
  std::string replace_all(std::string_view text, std::string_view replacement) const;

 private:
  Regex() = default;
  std::string pattern_;
  bool is_literal_ = false;
  std::shared_ptr<const void> code_;
};

}  // namespace loongforge::tokenizer
