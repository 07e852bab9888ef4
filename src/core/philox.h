// SPDX-License-Identifier: Apache-2.0
// Philox 4x32-10 (Salmon et al. 2011) as inline arithmetic, and the streams that the draws take from it.
#pragma once
#include <cstdint>

namespace loongforge {

// Streams of different kinds under one key must not share Philox outputs: the high counter word separates them.
constexpr uint64_t kUniformStream = 0;
constexpr uint64_t kNormalStream = 1;
constexpr uint64_t kIntStream = uint64_t{2} << 32;
constexpr uint64_t kPermuteStream = uint64_t{3} << 32;

/// Ten rounds on the counter words c0 (lowest) to c3, in place.
[[gnu::always_inline]] inline void philox_rounds(uint64_t key, uint32_t& c0, uint32_t& c1, uint32_t& c2, uint32_t& c3) {
  constexpr uint64_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;
  constexpr uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
  uint32_t k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round, k0 += kWeyl0, k1 += kWeyl1) {
    const uint64_t p0 = kMultiplier0 * c0, p1 = kMultiplier1 * c2;
    c0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0;
    c2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c1 = static_cast<uint32_t>(p1);
    c3 = static_cast<uint32_t>(p0);
  }
}

}  // namespace loongforge
