// SPDX-License-Identifier: Apache-2.0
#include "loongforge/corpus/blend.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "loongforge/core/error.h"
#include "loongforge/corpus/sft.h"

namespace loongforge::corpus {
namespace {

TEST(Blend, EveryPartStaysWithinOneSampleOfItsShare) {
  for (const auto& weights : {std::vector<double>{0.3, 0.7}, {1, 1, 1}, {5, 0.001, 2.5, 100}, {1}}) {
    const Blend blend(weights);
    const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    std::vector<int64_t> taken(weights.size(), 0);
    for (int64_t position = 0; position < 150000; ++position) {
      const auto [part, count] = blend(position);
      ASSERT_EQ(count, taken[static_cast<size_t>(part)]++) << position;
      if (position % 1000 != 0) continue;
      for (size_t i = 0; i < weights.size(); ++i) {
        // Shares are whole 2^-16ths, at least one.
        const double share = static_cast<double>(position + 1) * weights[i] / sum;
        ASSERT_NEAR(static_cast<double>(taken[i]), share, 1.0 + static_cast<double>(position) / 32768) << position;
      }
    }
  }
}

// What Megatron-LM's helper gives for 0.5, 0.25, 0.25, by hand: furthest behind first, the earlier of equals.
TEST(Blend, OrderByHand) {
  const Blend blend({2, 1, 1});
  std::vector<int32_t> parts;
  for (int64_t position = 0; position < 8; ++position) parts.push_back(blend(position).first);
  EXPECT_EQ(parts, (std::vector<int32_t>{0, 1, 2, 0, 0, 1, 2, 0}));
}

TEST(Blend, RefusesWeightsThatAreNone) {
  EXPECT_THROW(Blend({1, 0}), ConfigError);
  EXPECT_THROW(Blend({1, -1}), ConfigError);
  EXPECT_THROW(Blend({1, std::nan("")}), ConfigError);
}

TEST(FirstFit, LongestFirstIntoTheFirstBinWithRoom) {
  const auto bins = first_fit_decreasing({4, 8, 1, 4, 2, 1, 10}, 10);
  EXPECT_EQ(bins, (std::vector<std::vector<int64_t>>{{6}, {1, 4}, {0, 3, 2, 5}}));
  EXPECT_TRUE(first_fit_decreasing({}, 10).empty());
}

TEST(FirstFit, EqualsThePlainSearch) {
  uint64_t state = 9;
  std::vector<int64_t> lengths;
  for (int i = 0; i < 700; ++i)
    lengths.push_back(1 +
                      static_cast<int64_t>((state = state * 6364136223846793005u + 1442695040888963407u) >> 33) % 97);
  std::vector<int64_t> order(lengths.size()), room;
  std::iota(order.begin(), order.end(), 0);
  const auto length = [&](int64_t i) { return lengths[static_cast<size_t>(i)]; };
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return length(a) > length(b); });
  std::vector<std::vector<int64_t>> expected;
  for (int64_t item : order) {
    size_t bin = 0;
    while (bin < room.size() && room[bin] < length(item)) ++bin;
    if (bin == room.size()) room.push_back(100), expected.emplace_back();
    room[bin] -= length(item);
    expected[bin].push_back(item);
  }
  EXPECT_EQ(first_fit_decreasing(lengths, 100), expected);
}

}  // namespace
}  // namespace loongforge::corpus
