// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>

#include "loongforge/spec/param_spec.h"

namespace loongforge::spec {
namespace {

TEST(Init, DrawsDependOnSeedNameAndElementOnly) {
  const Init init = init::Normal{0.5};
  const double value = init_value(init, 1, "a", {4, 4}, 3);
  EXPECT_EQ(value, init_value(init, 1, "a", {2, 8}, 3));
  EXPECT_NE(value, init_value(init, 2, "a", {4, 4}, 3));
  EXPECT_NE(value, init_value(init, 1, "b", {4, 4}, 3));
  EXPECT_NE(value, init_value(init, 1, "a", {4, 4}, 4));
}

TEST(Init, MomentsAreThoseAsked) {
  const int n = 20000;
  const auto moments = [&](const Init& init) {
    double sum = 0, square = 0;
    for (int i = 0; i < n; ++i) {
      const double v = init_value(init, 7, "w", {100, 200}, static_cast<uint64_t>(i));
      sum += v;
      square += v * v;
    }
    return std::pair{sum / n, std::sqrt(square / n)};
  };
  auto [normal_mean, normal_rms] = moments(init::Normal{0.02});
  EXPECT_NEAR(normal_mean, 0, 0.02 * 4 / std::sqrt(n));
  EXPECT_NEAR(normal_rms, 0.02, 0.02 * 4 / std::sqrt(2.0 * n));
  auto [uniform_mean, uniform_rms] = moments(init::Uniform{1, 3});
  EXPECT_NEAR(uniform_mean, 2, 0.02);
  EXPECT_NEAR(uniform_rms, std::sqrt(4 + 1.0 / 3), 0.02);
  auto [xavier_mean, xavier_rms] = moments(init::Xavier{});
  EXPECT_NEAR(xavier_mean, 0, 0.004);
  EXPECT_NEAR(xavier_rms, std::sqrt(2.0 / 300), 0.002);
}

TEST(Init, ConstantsAndFunctions) {
  EXPECT_EQ(init_value(init::Zeros{}, 1, "w", {2}, 1), 0);
  EXPECT_EQ(init_value(init::Ones{}, 1, "w", {2}, 1), 1);
  const Init ramp = init::Function{"ramp", [](RngKey, uint64_t index) { return 2.0 * static_cast<double>(index); }};
  EXPECT_EQ(init_value(ramp, 1, "w", {9}, 4), 8);
}

}  // namespace
}  // namespace loongforge::spec
