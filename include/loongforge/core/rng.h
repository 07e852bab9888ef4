// SPDX-License-Identifier: Apache-2.0
// Counter-based randomness: every draw is a pure function of a key and a counter (Philox 4x32-10, Salmon et al. 2011),
// so that nothing depends on layout, thread count or history.
#pragma once
#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

namespace loongforge {

struct RngKey {
  uint64_t value = 0;
  friend bool operator==(RngKey, RngKey) = default;
};

/// Mixes integers into a key, in order: rng_key(seed, {step, sample_id, layer, site}).
RngKey rng_key(uint64_t seed, std::initializer_list<uint64_t> path);
/// A stable 64-bit hash of a name (FNV-1a, then mixed), for use in a path.
uint64_t name_hash(std::string_view name);

std::array<uint32_t, 4> philox(RngKey key, uint64_t counter_low, uint64_t counter_high = 0);

/// Uniform in [0, 1) with 53 bits; element `index` of the stream `key`.
double uniform(RngKey key, uint64_t index);
/// Standard normal by Box–Muller; element `index` of the stream `key` (two neighbours share one Philox call).
double normal(RngKey key, uint64_t index);
/// normal(key, first + i) for each i, bit for bit, at half the cost.
void normal_range(RngKey key, uint64_t first, std::span<double> out);
/// Unbiased integer in [0, n), n > 0.
uint64_t uniform_int(RngKey key, uint64_t index, uint64_t n);
/// Position `index` under a pseudorandom bijection of [0, n) (cycle-walking Feistel network): shuffles without a table.
uint64_t permute(RngKey key, uint64_t index, uint64_t n);

}  // namespace loongforge
