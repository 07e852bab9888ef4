// SPDX-License-Identifier: Apache-2.0
#include "loongforge/spec/components/rope.h"

#include <gtest/gtest.h>

#include <cmath>

namespace loongforge::spec {
namespace {

struct Expected {
  size_t index;
  double value;
};

// Values of transformers 5.23 ROPE_INIT_FUNCTIONS, which computes in fp32.
void expect_frequencies(const RopeConfig& rope, int64_t head_dim, const std::vector<Expected>& expected) {
  const std::vector<double> exact = inv_freq(rope, head_dim), rounded = inv_freq(rope, head_dim, RopeRounding::fp32);
  ASSERT_EQ(exact.size(), static_cast<size_t>(head_dim / 2));
  for (auto [index, value] : expected) {
    EXPECT_NEAR(rounded[index] / value, 1, 1.3e-7) << index;
    EXPECT_NEAR(exact[index] / value, 1, 1e-6) << index;
  }
  for (double f : rounded) EXPECT_EQ(f, static_cast<double>(static_cast<float>(f)));
}

TEST(Rope, Plain) {
  const std::vector<double> f = inv_freq({.theta = 10000.0}, 8);
  ASSERT_EQ(f.size(), 4u);
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(f[i], std::pow(10.0, -static_cast<double>(i)), 1e-15);
  EXPECT_EQ(inv_freq({.partial_rotary_factor = 0.25}, 64).size(), 8u);
  EXPECT_EQ(attention_factor({.factor = 8}), 1.0);
}

TEST(Rope, Linear) {
  expect_frequencies({.type = RopeType::linear, .factor = 4}, 64,
                     {{0, 0.25}, {1, 0.18747355043888092}, {16, 0.0024999999441206455}, {31, 3.333803761051968e-05}});
}

TEST(Rope, Llama3KeepsBlendsAndStretches) {
  const RopeConfig rope{.type = RopeType::llama3,
                        .theta = 500000,
                        .factor = 8,
                        .original_max_position_embeddings = 8192,
                        .low_freq_factor = 1,
                        .high_freq_factor = 4};
  expect_frequencies(rope, 128,
                     {{0, 1.0},
                      {1, 0.8146172165870667},
                      {16, 0.03760603070259094},
                      {31, 0.0008567514596506953},
                      {32, 0.0005248460220173001},
                      {35, 9.556212171446532e-05},
                      {63, 3.068925877869333e-07}});
}

TEST(Rope, YarnOfQwen) {
  const RopeConfig rope{.type = RopeType::yarn, .theta = 1e6, .factor = 4, .original_max_position_embeddings = 32768};
  expect_frequencies(rope, 128,
                     {{0, 1.0},
                      {1, 0.8058422207832336},
                      {16, 0.03162277862429619},
                      {31, 0.000802959781140089},
                      {32, 0.0006029411451891065},
                      {35, 0.0002462583943270147},
                      {63, 3.102344408034696e-07}});
  EXPECT_NEAR(attention_factor(rope), 1.138629436111989, 1e-14);
}

TEST(Rope, YarnWithMagnitudesWithoutTruncation) {
  RopeConfig rope{.type = RopeType::yarn, .theta = 1e4, .factor = 40, .original_max_position_embeddings = 4096,
                  .mscale = 0.707, .mscale_all_dim = 1.0, .truncate = false};
  expect_frequencies(rope, 64, {{1, 0.7498942017555237}, {8, 0.10000000149011612}, {15, 0.008446235209703445},
                                {16, 0.005524062551558018}, {19, 0.0013051095884293318}, {31, 3.3338035336782923e-06}});
  EXPECT_NEAR(attention_factor(rope), 0.9210423553163399, 1e-14);
  rope.attention_factor = 1.5;
  EXPECT_EQ(attention_factor(rope), 1.5);
}

}  // namespace
}  // namespace loongforge::spec
