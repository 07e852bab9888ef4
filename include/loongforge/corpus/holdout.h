// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

namespace loongforge::corpus {

/// Whether document `index` of a corpus belongs to the held-out part: word 0 of Philox4x32-10 with key `seed` and
/// counter `index` is below floor(fraction * 2^32). It depends on nothing else, so every reader of the corpus agrees.
bool held_out(int64_t index, double fraction, uint64_t seed);

}  // namespace loongforge::corpus
