// SPDX-License-Identifier: Apache-2.0
#include "loongforge/core/rng.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <set>
#include <vector>

namespace loongforge {
namespace {

using Words = std::array<uint32_t, 4>;

// Known answers of Random123's kat_vectors, philox4x32 with 10 rounds.
TEST(Rng, PhiloxMatchesRandom123) {
  EXPECT_EQ(philox({0}, 0, 0), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({~0ull}, ~0ull, ~0ull), (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x299f31d0a4093822ull}, 0x85a308d3243f6a88ull, 0x0370734413198a2eull),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Rng, KeysDependOnOrderLengthAndValue) {
  std::set<uint64_t> seen;
  for (auto key : {rng_key(1, {}), rng_key(1, {0}), rng_key(1, {0, 0}), rng_key(1, {1, 2}), rng_key(1, {2, 1}),
                   rng_key(2, {1, 2}), rng_key(0, {1, 1, 2}), rng_key(1, {1, 2, 0})}) {
    seen.insert(key.value);
  }
  EXPECT_EQ(seen.size(), 8u);
  EXPECT_NE(name_hash("model.norm.weight"), name_hash("model.norm.bias"));
}

// Saved runs and published seeds rest on these values: they may never change.
TEST(Rng, StreamsAreFrozen) {
  RngKey key = rng_key(42, {7, name_hash("lm_head.weight")});
  EXPECT_EQ(key, rng_key(42, {7, name_hash("lm_head.weight")}));
  EXPECT_EQ(name_hash(""), 0xc3817c016ba4ff30u);
  EXPECT_EQ(key.value, 0x1ebd92656283f1f6u);
  EXPECT_EQ(permute(key, 3, 1000), 247u);
  EXPECT_EQ(uniform_int(key, 3, 1000), 362u);
}

TEST(Rng, UniformFillsTheUnitInterval) {
  RngKey key = rng_key(5, {1});
  constexpr int kDraws = 200000, kBins = 64;
  std::vector<int> bins(kBins);
  double serial = 0, previous = uniform(key, 0) - 0.5;
  for (int i = 0; i < kDraws; ++i) {
    double u = uniform(key, i);
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
    ++bins[static_cast<int>(u * kBins)];
    if (i > 0) serial += previous * (u - 0.5);
    previous = u - 0.5;
  }
  double chi2 = 0;
  for (int count : bins) chi2 += std::pow(count - double(kDraws) / kBins, 2) / (double(kDraws) / kBins);
  EXPECT_LT(chi2, 63 + 5 * std::sqrt(2 * 63.0));  // five standard deviations
  EXPECT_LT(std::abs(serial / kDraws), 5 * (1.0 / 12) / std::sqrt(double(kDraws)));
}

TEST(Rng, NormalHasNormalMomentsAndTails) {
  RngKey key = rng_key(6, {1});
  constexpr int kDraws = 200000;
  double sum = 0, square = 0, cube = 0, fourth = 0, neighbours = 0, last = 0;
  int beyond_two = 0;
  for (int i = 0; i < kDraws; ++i) {
    double z = normal(key, i);
    ASSERT_TRUE(std::isfinite(z));
    sum += z, square += z * z, cube += z * z * z, fourth += z * z * z * z, neighbours += z * last, last = z;
    beyond_two += std::abs(z) > 2;
  }
  const double unit = 5 / std::sqrt(double(kDraws));
  EXPECT_LT(std::abs(sum / kDraws), unit);
  EXPECT_LT(std::abs(square / kDraws - 1), unit * std::sqrt(2.0));
  EXPECT_LT(std::abs(cube / kDraws), unit * std::sqrt(15.0));
  EXPECT_LT(std::abs(fourth / kDraws - 3), unit * std::sqrt(96.0));
  EXPECT_LT(std::abs(neighbours / kDraws), unit);
  EXPECT_LT(std::abs(beyond_two / double(kDraws) - 0.0455003), unit * std::sqrt(0.0455 * 0.9545));
}

// Box–Muller with the C library's functions in extended precision, from the same Philox words.
long double normal_by_libm(RngKey key, uint64_t index) {
  const auto r = philox(key, index / 2, 1);
  const auto unit = [](uint32_t low, uint32_t high) {
    return static_cast<long double>((low | uint64_t{high} << 32) >> 11) * 0x1p-53L;
  };
  const long double radius = std::sqrt(-2 * std::log(1 - unit(r[0], r[1])));
  const long double angle = 2 * std::numbers::pi_v<long double> * unit(r[2], r[3]);
  return radius * (index % 2 == 0 ? std::cos(angle) : std::sin(angle));
}

TEST(Rng, NormalIsBoxMullerToTheLastBits) {
  const RngKey key = rng_key(9, {4});
  for (uint64_t i = 0; i < 200000; ++i) {
    const long double exact = normal_by_libm(key, i);
    // The angle's own rounding shows near the zeros of sine and cosine, so the bar is absolute below 1.
    ASSERT_LE(std::abs(normal(key, i) - exact), 0x1p-51L * std::max(1.0L, std::abs(exact))) << i;
  }
}

TEST(Rng, NormalRangeIsTheSingleDrawsBitForBit) {
  const RngKey key = rng_key(10, {4});
  for (uint64_t first : {uint64_t{0}, uint64_t{1}, uint64_t{7}, (uint64_t{1} << 33) - 3}) {
    for (size_t count : {0, 1, 2, 3, 255, 256, 257, 1001}) {
      std::vector<double> range(count);
      normal_range(key, first, range);
      for (size_t i = 0; i < count; ++i) ASSERT_EQ(range[i], normal(key, first + i)) << first << " + " << i;
    }
  }
}

TEST(Rng, UniformIntIsUnbiased) {
  RngKey key = rng_key(7, {});
  std::vector<int> counts(7);
  for (int i = 0; i < 70000; ++i) ++counts[uniform_int(key, i, 7)];
  for (int count : counts) EXPECT_NEAR(count, 10000, 5 * std::sqrt(10000 * 6.0 / 7));
  EXPECT_EQ(uniform_int(key, 9, 1), 0u);
  // Just above 2^63 nearly every other draw is rejected: the loop must end, and stay inside.
  const uint64_t n = (uint64_t{1} << 63) + 1;
  for (int i = 0; i < 100; ++i) EXPECT_LT(uniform_int(key, i, n), n);
  EXPECT_THROW(uniform_int(key, 0, 0), std::logic_error);
}

TEST(Rng, PermuteIsABijectionForEveryLength) {
  for (uint64_t n = 1; n <= 130; ++n) {
    std::vector<bool> hit(n);
    for (uint64_t i = 0; i < n; ++i) {
      uint64_t to = permute(rng_key(n, {3}), i, n);
      ASSERT_LT(to, n);
      ASSERT_FALSE(hit[to]) << "n " << n << " position " << i;
      hit[to] = true;
    }
  }
}

TEST(Rng, PermuteShufflesAndDependsOnTheKey) {
  constexpr uint64_t kLength = 10007;
  uint64_t fixed = 0, same = 0, ascents = 0, before = 0;
  for (uint64_t i = 0; i < kLength; ++i) {
    uint64_t to = permute({1}, i, kLength);
    fixed += to == i;
    same += to == permute({2}, i, kLength);
    ascents += to > before;
    before = to;
  }
  EXPECT_LT(fixed, 10u);  // Poisson(1)
  EXPECT_LT(same, 10u);
  EXPECT_NEAR(double(ascents), kLength / 2.0, 5 * std::sqrt(kLength / 12.0));
}

TEST(Rng, PermuteReachesHugeRanges) {
  const uint64_t n = ~0ull;
  std::set<uint64_t> seen;
  for (uint64_t i = 0; i < 50; ++i) seen.insert(permute({9}, n - 1 - i, n));
  EXPECT_EQ(seen.size(), 50u);
  EXPECT_THROW(permute({9}, 5, 5), std::logic_error);
}

// All arrangements of three elements come up equally often over keys.
TEST(Rng, PermuteHasNoFavouriteArrangement) {
  std::vector<int> counts(9);
  for (uint64_t k = 0; k < 6000; ++k) {
    RngKey key = rng_key(k, {});
    ++counts[permute(key, 0, 3) * 3 + permute(key, 1, 3)];
  }
  for (int i = 0; i < 9; ++i) {
    if (i % 4 == 0) EXPECT_EQ(counts[i], 0);
    else EXPECT_NEAR(counts[i], 1000, 5 * std::sqrt(1000 * 5.0 / 6));
  }
}

}  // namespace
}  // namespace loongforge
