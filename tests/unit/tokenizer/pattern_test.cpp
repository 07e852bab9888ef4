// SPDX-License-Identifier: Apache-2.0
// The automaton against PCRE2 on the same patterns.
#include "tokenizer/pattern.h"

#include <gtest/gtest.h>

#include <random>

#include "loongforge/core/error.h"
#include "tokenizer/regex.h"
#include "tokenizer/unicode.h"

namespace loongforge::tokenizer {
namespace {

// Of published tokenizers: GPT-2, Llama 3, Qwen2, Qwen3.5, DeepSeek-V3, GPT-4o, Tekken, Falcon, and parts that others
// use.
const std::vector<std::string> kPatterns{
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)",
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3})"
    R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N})"
    R"(| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
    R"(\p{N}{1,3})",
    R"([一-龥぀-ゟ゠-ヿ]+)",
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+)"
    R"(| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}{1,3})"
    R"(| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
    R"([\p{P}\$\+<=>\^~\|`]+)",
    R"( {2,}|\s?\p{L}+|\s+$|[^\p{L}\s]+)",
    R"([^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}++| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s)",
    R"((?:a|ab)(?:c|bcd)?|[a-c]{2}d*?e|x(?=[yz])|\w+?-|.)",
    R"([\p{L}&&[^a-m]]+|[^[:space:]a]|[-a]+|[a-])",
};

std::string random_text(std::mt19937& rng) {
  static const std::vector<std::string> kParts{" ",
                                               "  ",
                                               "\n",
                                               "\r\n",
                                               "\t",
                                               "a",
                                               "b",
                                               "c",
                                               "d",
                                               "e",
                                               "ab",
                                               "abc",
                                               "x",
                                               "y",
                                               "-",
                                               "'s",
                                               "'LL",
                                               "'\xC5\xBF",
                                               "The",
                                               "12",
                                               "3456",
                                               "é",
                                               "e\xCC\x81",
                                               "語",
                                               "ひ",
                                               "カ",
                                               "Ж",
                                               "ß",
                                               "ǅ",
                                               "٣",
                                               "Ⅻ",
                                               "½",
                                               "!",
                                               "...",
                                               "$",
                                               "+",
                                               "~",
                                               "😀",
                                               "\xC2\xA0",
                                               "\xE3\x80\x80",
                                               "\xE2\x80\xA8",
                                               "_",
                                               "[",
                                               "\\",
                                               "^",
                                               "/",
                                               "‿",
                                               "ʰ",
                                               "\x01",
                                               "\x7F"};
  std::string text;
  for (size_t n = rng() % 24; n-- > 0;) text += kParts[rng() % kParts.size()];
  return text;
}

TEST(Pattern, CoversPublishedPatterns) {
  for (size_t i = 0; i < 11; ++i) {
    auto program = parse_pattern(kPatterns[i], Syntax::oniguruma);
    ASSERT_TRUE(program) << kPatterns[i];
    EXPECT_TRUE(PatternAutomaton::build(*program)) << kPatterns[i];
  }
}

TEST(Pattern, MatchesAsPcre2) {
  std::mt19937 rng(5);
  for (Syntax syntax : {Syntax::oniguruma, Syntax::rust}) {
    for (const std::string& pattern : kPatterns) {
      if (syntax == Syntax::rust && pattern.find("[:space:]") != pattern.npos) continue;
      if (syntax == Syntax::oniguruma && pattern.find("$|\\s*[") != pattern.npos)
        continue;  // PCRE2's $ is not Ruby's here
      Regex ours(pattern, syntax), other(pattern, syntax, Regex::Engine::pcre2);
      for (int i = 0; i < 3000; ++i) {
        std::string text = random_text(rng);
        auto found = ours.find_all(text), expected = other.find_all(text);
        bool same = std::equal(found.begin(), found.end(), expected.begin(), expected.end(),
                               [](Match a, Match b) { return a.begin == b.begin && a.end == b.end; });
        ASSERT_TRUE(same) << pattern << "\non " << testing::PrintToString(text);
      }
    }
  }
}

TEST(Pattern, LeavesTheRestToPcre2) {
  for (const char* pattern : {"(?<=a)b", "(a)\\1", "^a", "\\bword", "(?!ab)a", "a{2,1}", "(a", "[[:alpha:]]",
                              "\\p{Greek}", "(?:a*)*", "(?i:ß)", "a{1000}"})
    EXPECT_FALSE(parse_pattern(pattern, Syntax::oniguruma)) << pattern;
}

TEST(CodePoints, SetsKeepTheirAlgebra) {
  auto letters = *CodePointSet::of_category("L"), upper = *CodePointSet::of_category("Lu");
  EXPECT_TRUE(letters.contains('a') && letters.contains(0x8A9E) && !letters.contains('1') &&
              !letters.contains(0x1F600));
  EXPECT_EQ(upper.intersect(letters), upper);
  EXPECT_EQ(letters.complement().complement(), letters);
  CodePointSet all = letters;
  all.add(letters.complement());
  EXPECT_EQ(all.ranges(), (std::vector<CodePointSet::Range>{{0, CodePointSet::kLast}}));
  EXPECT_FALSE(CodePointSet::of_category("Xx"));
  EXPECT_EQ(code_point_data(0x7FFFFFFF), 0);
}

// What the table says of a code point is what its sets say.
TEST(CodePoints, TableAndSetsAgree) {
  auto han = CodePointSet::with(Property::han), numeric = CodePointSet::with(Property::numeric);
  for (uint32_t c = 0; c <= CodePointSet::kLast; ++c) {
    ASSERT_EQ(han.contains(c), has(c, Property::han)) << c;
    ASSERT_EQ(numeric.contains(c), has(c, Property::numeric)) << c;
  }
}

}  // namespace
}  // namespace loongforge::tokenizer
