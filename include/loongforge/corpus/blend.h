// SPDX-License-Identifier: Apache-2.0
// Blends: which of several sample sets gives the sample at a position, by weights.
#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace loongforge::corpus {

/// A function of the position only. Within a period of 2^16 positions each part is taken where it is furthest behind
/// its share (Megatron-LM's blending), so that after any number of samples every part is within one sample of its
/// share; then the pattern repeats. Shares are multiples of 2^-16, at least one.
class Blend {
 public:
  /// Weights > 0 in any unit; at least one, at most 2^15.
  explicit Blend(const std::vector<double>& weights);
  /// (part, how many samples of that part came before).
  std::pair<int32_t, int64_t> operator()(int64_t position) const;
  size_t parts() const { return quotas_.size(); }

 private:
  std::vector<int64_t> quotas_;       ///< samples of each part a period
  std::vector<int32_t> part_, rank_;  ///< of each position of a period
};

}  // namespace loongforge::corpus
