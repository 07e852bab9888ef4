// SPDX-License-Identifier: Apache-2.0
#include "loongforge/core/checksum.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace loongforge {
namespace {

constexpr uint64_t kPrime1 = 0x9E3779B185EBCA87ull, kPrime2 = 0xC2B2AE3D27D4EB4Full, kPrime3 = 0x165667B19E3779F9ull,
                   kPrime4 = 0x85EBCA77C2B2AE63ull, kPrime5 = 0x27D4EB2F165667C5ull;

template <class T>
T load(const unsigned char* p) {
  static_assert(std::endian::native == std::endian::little);
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

uint64_t round(uint64_t lane, uint64_t input) { return std::rotl(lane + input * kPrime2, 31) * kPrime1; }

void consume(std::array<uint64_t, 4>& lanes, const unsigned char* stripe) {
  for (int i = 0; i < 4; ++i) lanes[i] = round(lanes[i], load<uint64_t>(stripe + 8 * i));
}

}  // namespace

Checksum::Checksum(uint64_t seed)
    : seed_(seed), lanes_{seed + kPrime1 + kPrime2, seed + kPrime2, seed, seed - kPrime1} {}

void Checksum::update(const void* data, size_t size) {
  auto p = static_cast<const unsigned char*>(data);
  const size_t held = total_ % 32;
  total_ += size;
  if (held > 0) {
    size_t take = std::min(32 - held, size);
    std::memcpy(pending_.data() + held, p, take);
    p += take, size -= take;
    if (held + take < 32) return;
    consume(lanes_, pending_.data());
  }
  for (; size >= 32; p += 32, size -= 32) consume(lanes_, p);
  if (size > 0) std::memcpy(pending_.data(), p, size);
}

uint64_t Checksum::digest() const {
  uint64_t hash = seed_ + kPrime5;
  if (total_ >= 32) {
    hash = std::rotl(lanes_[0], 1) + std::rotl(lanes_[1], 7) + std::rotl(lanes_[2], 12) + std::rotl(lanes_[3], 18);
    for (uint64_t lane : lanes_) hash = (hash ^ round(0, lane)) * kPrime1 + kPrime4;
  }
  hash += total_;
  const unsigned char *p = pending_.data(), *end = p + total_ % 32;
  for (; end - p >= 8; p += 8) hash = std::rotl(hash ^ round(0, load<uint64_t>(p)), 27) * kPrime1 + kPrime4;
  if (end - p >= 4) {
    hash = std::rotl(hash ^ load<uint32_t>(p) * kPrime1, 23) * kPrime2 + kPrime3;
    p += 4;
  }
  for (; p != end; ++p) hash = std::rotl(hash ^ *p * kPrime5, 11) * kPrime1;
  hash = (hash ^ hash >> 33) * kPrime2;
  hash = (hash ^ hash >> 29) * kPrime3;
  return hash ^ hash >> 32;
}

uint64_t checksum(std::string_view bytes) {
  Checksum sum;
  sum.update(bytes.data(), bytes.size());
  return sum.digest();
}

std::string checksum_text(uint64_t digest) { return fmt::format("xxh64:{:016x}", digest); }

}  // namespace loongforge
