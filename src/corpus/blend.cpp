// SPDX-License-Identifier: Apache-2.0
#include "loongforge/corpus/blend.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "loongforge/core/error.h"

namespace loongforge::corpus {

namespace {

constexpr int64_t kPeriod = int64_t{1} << 16;

/// Whole numbers ≥ 1 that sum to the period, nearest to the weights (largest remainders).
std::vector<int64_t> quotas_of(const std::vector<double>& weights) {
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::vector<int64_t> quotas;
  std::vector<std::pair<double, size_t>> remainders;
  int64_t left = kPeriod;
  for (size_t i = 0; i < weights.size(); ++i) {
    const double share = weights[i] / sum * static_cast<double>(kPeriod);
    quotas.push_back(std::max<int64_t>(1, static_cast<int64_t>(share)));
    remainders.emplace_back(static_cast<double>(quotas.back()) - share, i);
    left -= quotas.back();
  }
  std::sort(remainders.begin(), remainders.end());
  for (size_t i = 0; left > 0; --left, ++i) ++quotas[remainders[i % remainders.size()].second];
  for (; left < 0; ++left) --*std::max_element(quotas.begin(), quotas.end());
  return quotas;
}

}  // namespace

Blend::Blend(const std::vector<double>& weights) {
  LF_ASSERT(!weights.empty() && weights.size() <= kPeriod / 2);
  for (double weight : weights) {
    if (!(weight > 0) || !std::isfinite(weight)) throw ConfigError("weights of a blend must be above 0");
  }
  quotas_ = quotas_of(weights);
  std::vector<int64_t> taken(weights.size(), 0);
  for (int64_t position = 0; position < kPeriod; ++position) {
    size_t furthest = 0;
    int64_t most = std::numeric_limits<int64_t>::min();
    for (size_t i = 0; i < quotas_.size(); ++i) {
      const int64_t behind = quotas_[i] * (position + 1) - taken[i] * kPeriod;
      if (behind > most) most = behind, furthest = i;
    }
    part_.push_back(static_cast<int32_t>(furthest));
    rank_.push_back(static_cast<int32_t>(taken[furthest]++));
  }
}

std::pair<int32_t, int64_t> Blend::operator()(int64_t position) const {
  const auto within = static_cast<size_t>(position % kPeriod);
  const int32_t part = part_[within];
  return {part, position / kPeriod * quotas_[static_cast<size_t>(part)] + rank_[within]};
}

}  // namespace loongforge::corpus
