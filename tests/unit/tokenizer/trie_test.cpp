// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/trie.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace loongforge::tokenizer {
namespace {

TEST(Trie, FindsThePrefixesThatASearchFinds) {
  std::mt19937 rng(3);
  auto word = [&](size_t longest) {
    std::string text;
    for (size_t n = 1 + rng() % longest; n-- > 0;)
      text += static_cast<char>(rng() % 3 == 0 ? rng() % 256 : 'a' + rng() % 3);
    return text;
  };
  std::map<std::string, int32_t> keys;
  std::vector<std::string> texts;
  for (int i = 0; i < 3000; ++i) texts.push_back(word(8));
  std::vector<Trie::Key> list;
  for (int32_t i = 0; i < 3000; ++i) {
    keys[texts[static_cast<size_t>(i)]] = i;
    list.emplace_back(texts[static_cast<size_t>(i)], i);
  }
  Trie trie(list);
  for (int i = 0; i < 20000; ++i) {
    std::string text = word(12);
    std::vector<std::pair<size_t, int32_t>> expected, found;
    for (size_t n = 1; n <= text.size(); ++n)
      if (auto key = keys.find(text.substr(0, n)); key != keys.end()) expected.emplace_back(n, key->second);
    trie.prefixes(text, [&](size_t length, int32_t value) { found.emplace_back(length, value); });
    ASSERT_EQ(found, expected);
    Trie::Hit hit = trie.longest(text);
    ASSERT_EQ(hit.value, expected.empty() ? -1 : expected.back().second);
  }
}

TEST(Trie, MayBeEmpty) {
  Trie trie;
  EXPECT_TRUE(trie.empty());
  EXPECT_EQ(trie.longest("abc").value, -1);
  EXPECT_EQ(Trie({{"", 1}, {"a", 2}}).longest("ab").value, 2);
}

}  // namespace
}  // namespace loongforge::tokenizer
