// SPDX-License-Identifier: Apache-2.0
#include "loongforge/corpus/holdout.h"

#include "loongforge/core/rng.h"

namespace loongforge::corpus {

bool held_out(int64_t index, double fraction, uint64_t seed) {
  const auto bound = static_cast<uint64_t>(fraction * 4294967296.0);
  return philox(RngKey{seed}, static_cast<uint64_t>(index))[0] < bound;
}

}  // namespace loongforge::corpus
