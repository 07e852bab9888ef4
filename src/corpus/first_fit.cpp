// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>
#include <numeric>

#include "loongforge/core/error.h"
#include "loongforge/corpus/sft.h"

namespace loongforge::corpus {

namespace {

/// Room left in each bin, as a tree of maxima, so that the first bin with room is found in log(bins).
class Rooms {
 public:
  Rooms(size_t bins, int64_t capacity)
      : leaves_(std::bit_ceil(std::max<size_t>(bins, 1))), most_(2 * leaves_, capacity) {}
  /// Takes `length` from the first bin that has it.
  size_t take(int64_t length) {
    size_t node = 1;
    while (node < leaves_) node = most_[2 * node] >= length ? 2 * node : 2 * node + 1;
    const size_t bin = node - leaves_;
    most_[node] -= length;
    for (node /= 2; node > 0; node /= 2) most_[node] = std::max(most_[2 * node], most_[2 * node + 1]);
    return bin;
  }

 private:
  size_t leaves_;
  std::vector<int64_t> most_;
};

}  // namespace

std::vector<std::vector<int64_t>> first_fit_decreasing(const std::vector<int64_t>& lengths, int64_t capacity) {
  std::vector<int64_t> order(lengths.size());
  std::iota(order.begin(), order.end(), 0);
  const auto length = [&](int64_t item) { return lengths[static_cast<size_t>(item)]; };
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return length(a) > length(b); });
  Rooms rooms(lengths.size(), capacity);
  std::vector<std::vector<int64_t>> bins;
  for (int64_t item : order) {
    LF_ASSERT(length(item) <= capacity);
    const size_t bin = rooms.take(length(item));
    if (bin >= bins.size()) bins.resize(bin + 1);
    bins[bin].push_back(item);
  }
  return bins;
}

}  // namespace loongforge::corpus
