// SPDX-License-Identifier: Apache-2.0
// XXH64 (Y. Collet, "xxHash fast digest algorithm"), streaming: the checksum of every file we write.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace loongforge {

/// Feed bytes in any pieces; `digest()` may be asked at any time and equals XXH64 of all bytes so far.
class Checksum {
 public:
  explicit Checksum(uint64_t seed = 0);
  void update(const void* data, size_t size);
  uint64_t digest() const;

 private:
  uint64_t seed_;
  uint64_t total_ = 0;
  std::array<uint64_t, 4> lanes_;
  std::array<unsigned char, 32> pending_{};  // total_ % 32 bytes not yet in the lanes
};

uint64_t checksum(std::string_view bytes);
/// "xxh64:0123456789abcdef", as manifests write it.
std::string checksum_text(uint64_t digest);

}  // namespace loongforge
