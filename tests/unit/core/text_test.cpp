// SPDX-License-Identifier: Apache-2.0
#include "loongforge/core/text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace loongforge {
namespace {

TEST(Text, EditDistance) {
  EXPECT_EQ(edit_distance("", "abc"), 3);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3);
  EXPECT_EQ(edit_distance("setps", "steps"), 1);  // a swap of neighbours
  EXPECT_EQ(edit_distance("same", "same"), 0);
}

TEST(Text, NearestFindsMisspellingsOnly) {
  std::vector<std::string> names = {"steps", "epochs", "micro_batch_size", "global_batch_size", "eval_every"};
  EXPECT_EQ(nearest("setps", names), "steps");
  EXPECT_EQ(nearest("Micro-Batch-Size", names), "micro_batch_size");
  EXPECT_EQ(nearest("micro_bsz_size", names), "micro_batch_size");
  EXPECT_EQ(nearest("batch_size", names), "micro_batch_size");
  EXPECT_EQ(nearest("temperature", names), std::nullopt);
  EXPECT_EQ(nearest("x", names), std::nullopt);
  EXPECT_EQ(nearest("x", std::vector<std::string>{}), std::nullopt);
}

TEST(Text, JoinNames) {
  std::vector<std::string> names = {"a", "b", "c"};
  EXPECT_EQ(join_names(names), "a, b, c");
  EXPECT_EQ(join_names(names, 2), "a, b, … (3 in all)");
  EXPECT_EQ(join_names({}), "");
}

TEST(Text, Bytes) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(1024), "1.00 KiB");
  EXPECT_EQ(format_bytes(1299227607), "1.21 GiB");
  EXPECT_EQ(format_bytes((1ull << 30) - 1), "1.00 GiB");
  EXPECT_EQ(format_bytes(std::numeric_limits<uint64_t>::max()), "16.00 EiB");
}

TEST(Text, Counts) {
  EXPECT_EQ(format_count(950), "950");
  EXPECT_EQ(format_count(12345), "12.3k");
  EXPECT_EQ(format_count(999.7), "1.00k");
  EXPECT_EQ(format_count(1543000), "1.54M");
  EXPECT_EQ(format_count(70.6e9), "70.6B");
  EXPECT_EQ(format_count(-2500), "-2.50k");
  EXPECT_EQ(format_count(0.25), "0.25");
}

TEST(Text, Durations) {
  EXPECT_EQ(format_duration(0.611), "0.61s");
  EXPECT_EQ(format_duration(42), "42s");
  EXPECT_EQ(format_duration(190), "3m10s");
  EXPECT_EQ(format_duration(59.7), "1m00s");
  EXPECT_EQ(format_duration(3600 * 5 + 125), "5h02m");
  EXPECT_EQ(format_duration(86400 * 2 + 3600 * 3), "2d03h");
  EXPECT_EQ(format_duration(std::nan("")), "?");
  EXPECT_EQ(format_duration(-1), "?");
}

TEST(Text, TrimAndSplit) {
  EXPECT_EQ(trim(" \ta b\r\n"), "a b");
  EXPECT_EQ(trim("  "), "");
  EXPECT_EQ(split("a..b", '.'), (std::vector<std::string_view>{"a", "", "b"}));
  EXPECT_EQ(split("", '.').size(), 1u);
}

TEST(Text, Globs) {
  EXPECT_TRUE(glob_match("model.layers.*.mlp.*", "model.layers.11.mlp.up_proj.weight"));
  EXPECT_TRUE(glob_match("*", ""));
  EXPECT_TRUE(glob_match("*a*a*b", "aaaaaab"));
  EXPECT_FALSE(glob_match("*a*a*b", "aaaaaac"));
  EXPECT_TRUE(glob_match("lm_?ead", "lm_head"));
  EXPECT_FALSE(glob_match("lm_head", "lm_head.weight"));
  EXPECT_FALSE(glob_match("?", ""));
}

}  // namespace
}  // namespace loongforge
