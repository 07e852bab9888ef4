// SPDX-License-Identifier: Apache-2.0
// The patterns that tokenizers really use, as a deterministic automaton with Perl's choice of match (leftmost, first
// alternative), as in Cox, "Regular Expression Matching in the Wild" (2010). Covers groups, alternatives, classes,
// greedy, lazy and possessive repeats, and lookahead by one character; character properties are the tokenizers
// package's.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "tokenizer/code_points.h"

namespace loongforge::tokenizer {

/// Whose syntax: Oniguruma's Ruby (tokenizer.json), or that of Rust's regex crates (tiktoken files), where `$` is only
/// the end of the text and `{n,m}+` is possessive.
enum class Syntax { oniguruma, rust };

/// One step of a pattern's program.
struct PatternStep {
  enum class Kind : uint8_t { take, fork, next_is, done };
  Kind kind = Kind::done;
  bool at_end = false;             ///< next_is: whether the end of the text will do
  uint32_t set = 0;                ///< take, next_is: index of a set
  uint32_t first = 0, second = 0;  ///< where it goes on; fork: `first` is preferred
};

struct PatternProgram {
  std::vector<PatternStep> steps;
  std::vector<CodePointSet> sets;
  uint32_t start = 0;
};

/// None when the pattern is outside the covered part.
std::optional<PatternProgram> parse_pattern(std::string_view pattern, Syntax syntax);

class PatternAutomaton {
 public:
  /// None when it would be too large.
  static std::optional<PatternAutomaton> build(const PatternProgram& program);

  static constexpr size_t kNone = ~size_t{0};
  /// End of the match that begins at `begin` of valid UTF-8, or kNone.
  size_t match_at(std::string_view text, size_t begin) const;

 private:
  friend class AutomatonBuilder;
  static constexpr uint32_t kBlock = 128;
  static constexpr uint16_t kAccept = 0x8000, kDead = 0;

  std::array<uint8_t, 128> ascii_{};
  std::vector<uint16_t> blocks_;
  std::vector<uint8_t> classes_;
  uint32_t columns_ = 0;         // classes, and the end of the text
  std::vector<uint16_t> moves_;  // [state][column]: next state, and kAccept if a match ends before this character
};

}  // namespace loongforge::tokenizer
