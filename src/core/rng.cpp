// SPDX-License-Identifier: Apache-2.0
#include "loongforge/core/rng.h"

#include <bit>
#include <utility>

#include "core/philox.h"
#include "loongforge/core/error.h"

namespace loongforge {
namespace {

// The finaliser of splitmix64 (Steele et al. 2014): a bijection of 64 bits with full avalanche.
uint64_t mix(uint64_t x) {
  x += 0x9E3779B97F4A7C15ull;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
  return x ^ (x >> 31);
}

std::pair<uint64_t, uint64_t> philox64(RngKey key, uint64_t low, uint64_t high) {
  auto r = philox(key, low, high);
  return {r[0] | uint64_t{r[1]} << 32, r[2] | uint64_t{r[3]} << 32};
}

double to_unit(uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1.0p-53; }

}  // namespace

RngKey rng_key(uint64_t seed, std::initializer_list<uint64_t> path) {
  uint64_t state = mix(seed);
  for (uint64_t part : path) state = mix(std::rotl(state, 23) ^ mix(part ^ 0xD1B54A32D192ED03ull));
  return {state};
}

uint64_t name_hash(std::string_view name) {
  uint64_t hash = 0xCBF29CE484222325ull;
  for (char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ull;
  return mix(hash);
}

std::array<uint32_t, 4> philox(RngKey key, uint64_t counter_low, uint64_t counter_high) {
  std::array<uint32_t, 4> c{static_cast<uint32_t>(counter_low), static_cast<uint32_t>(counter_low >> 32),
                            static_cast<uint32_t>(counter_high), static_cast<uint32_t>(counter_high >> 32)};
  philox_rounds(key.value, c[0], c[1], c[2], c[3]);
  return c;
}

double uniform(RngKey key, uint64_t index) {
  auto [a, b] = philox64(key, index / 2, kUniformStream);
  return to_unit(index % 2 == 0 ? a : b);
}

uint64_t uniform_int(RngKey key, uint64_t index, uint64_t n) {
  LF_ASSERT(n > 0);
  const uint64_t rejected = (0 - n) % n;  // 2^64 mod n: products below it would be drawn once too often
  for (uint64_t attempt = 0;; ++attempt) {
    auto [a, b] = philox64(key, index, kIntStream + attempt);
    for (uint64_t bits : {a, b}) {
      auto product = static_cast<unsigned __int128>(bits) * n;
      if (static_cast<uint64_t>(product) >= rejected) return static_cast<uint64_t>(product >> 64);
    }
  }
}

uint64_t permute(RngKey key, uint64_t index, uint64_t n) {
  LF_ASSERT(index < n, "position {} of {}", index, n);
  if (n == 1) return 0;
  // A balanced Feistel network over the least even number of bits that covers n; walk the cycle until inside [0, n).
  const int half = (std::bit_width(n - 1) + 1) / 2;
  const uint64_t mask = half == 32 ? 0xFFFFFFFFull : (uint64_t{1} << half) - 1;
  uint64_t left = index >> half, right = index & mask;
  do {
    for (uint64_t round = 0; round < 8; ++round) {
      uint64_t mixed = philox64(key, right, kPermuteStream + round).first & mask;
      left = std::exchange(right, left ^ mixed);
    }
  } while ((left << half | right) >= n);
  return left << half | right;
}

}  // namespace loongforge
