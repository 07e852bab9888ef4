// SPDX-License-Identifier: Apache-2.0
#include "loongforge/corpus/sample.h"

#include "loongforge/core/error.h"
#include "loongforge/core/rng.h"

namespace loongforge::corpus {

SampleOrder::SampleOrder(uint64_t seed, int64_t n, bool shuffle) : seed_(seed), n_(n), shuffle_(shuffle) {
  if (n <= 0) throw DataError("the data set has no samples");
}

int64_t SampleOrder::operator()(int64_t position) const {
  LF_ASSERT(position >= 0);
  auto within = static_cast<uint64_t>(position % n_);
  if (!shuffle_) return static_cast<int64_t>(within);
  RngKey key = rng_key(seed_, {name_hash("sample order"), static_cast<uint64_t>(epoch(position))});
  return static_cast<int64_t>(permute(key, within, static_cast<uint64_t>(n_)));
}

}  // namespace loongforge::corpus
