// SPDX-License-Identifier: Apache-2.0
// Regular expressions of tokenizers: by an automaton where it covers them, else Oniguruma's syntax run by PCRE2 with
// JIT.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/pattern.h"

namespace loongforge::tokenizer {

struct Match {
  size_t begin = 0, end = 0;
};

/// A pattern in PCRE2's syntax: Unicode \s \w \d \h, scripts, nested and intersected classes; from Ruby also
/// always-multiline anchors, (?m) as dot-all, {n,m}+ as a repeat. DataError for what has no translation.
std::string to_pcre2(std::string_view pattern, Syntax syntax = Syntax::oniguruma);

class Regex {
 public:
  enum class Engine { fastest, pcre2 };
  /// Compiles; DataError with PCRE2's message when it can't.
  explicit Regex(std::string_view pattern, Syntax syntax = Syntax::oniguruma, Engine engine = Engine::fastest);
  static Regex literal(std::string_view text);

  /// All matches from left to right in valid UTF-8, without an empty match right after a match. DataError when the
  /// pattern backtracks beyond PCRE2's limit.
  std::vector<Match> find_all(std::string_view text) const;
  std::string replace_all(std::string_view text, std::string_view replacement) const;

 private:
  Regex() = default;
  void compile(std::string_view translated, uint32_t options);
  std::vector<Match> find_by_automaton(std::string_view text) const;
  std::string pattern_;
  bool is_literal_ = false;
  std::shared_ptr<const PatternAutomaton> automaton_;
  std::shared_ptr<const void> code_;
};

}  // namespace loongforge::tokenizer
