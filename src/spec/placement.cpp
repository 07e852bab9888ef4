// SPDX-License-Identifier: Apache-2.0
#include "loongforge/spec/placement.h"

#include <algorithm>
#include <limits>

#include "loongforge/core/error.h"

namespace loongforge::spec {

std::vector<std::pair<int, int>> place_blocks(const std::vector<BlockSpec>& blocks, int stages) {
  const int count = static_cast<int>(blocks.size());
  if (count < stages) {
    throw ConfigError(fmt::format("parallel.pp = {} has more stages than the model has blocks ({})", stages, count),
                      fmt::format("use parallel.pp <= {}", count));
  }
  std::vector<double> sum(count + 1, 0.0);
  for (int i = 0; i < count; ++i) sum[i + 1] = sum[i] + blocks[i].cost.gemm_flops_per_row;
  const double kWorst = std::numeric_limits<double>::infinity();
  // best[s][j]: the least possible greatest cost of s stages over the first j blocks; cut[s][j]: where the last begins.
  std::vector<std::vector<double>> best(stages + 1, std::vector<double>(count + 1, kWorst));
  std::vector<std::vector<int>> cut(stages + 1, std::vector<int>(count + 1, 0));
  best[0][0] = 0;
  for (int s = 1; s <= stages; ++s) {
    for (int j = s; j <= count; ++j) {
      for (int i = s - 1; i < j; ++i) {
        const double worst = std::max(best[s - 1][i], sum[j] - sum[i]);
        if (worst < best[s][j]) best[s][j] = worst, cut[s][j] = i;
      }
    }
  }
  std::vector<std::pair<int, int>> ranges(stages);
  for (int s = stages, end = count; s >= 1; --s) {
    ranges[s - 1] = {cut[s][end], end};
    end = cut[s][end];
  }
  return ranges;
}

}  // namespace loongforge::spec
