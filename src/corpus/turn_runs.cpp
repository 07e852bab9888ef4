// SPDX-License-Identifier: Apache-2.0
#include "turn_runs.h"

#include <algorithm>

#include "loongforge/core/error.h"

namespace loongforge::corpus {

namespace {

// The format's ids aren't negative, so 64 bits travel as four words of 16.
constexpr size_t kWords = 4, kRunsHeader = 1 + kWords, kRun = 2 + kWords;

void push_words(std::vector<int32_t>& out, uint64_t value) {
  for (size_t i = 0; i < kWords; ++i) out.push_back(static_cast<int32_t>(value >> 16 * i & 0xffff));
}

uint64_t join_words(std::span<const int32_t> words) {
  uint64_t value = 0;
  for (size_t i = 0; i < kWords; ++i) value |= static_cast<uint64_t>(words[i]) << 16 * i;
  return value;
}

void check(std::span<const int32_t> packed) {
  if (packed.size() >= kRunsHeader && (packed.size() - kRunsHeader) % kRun == 0) return;
  throw DataError("the cached conversations are damaged", "remove the data folder of the run; it is made again");
}

}  // namespace

std::vector<int32_t> pack_runs(Origin origin, const std::vector<double>& weights) {
  std::vector<int32_t> out{static_cast<int32_t>(origin.source)};
  push_words(out, static_cast<uint64_t>(origin.number));
  for (size_t begin = 0, end = 0; begin < weights.size(); begin = end) {
    while (end < weights.size() && weights[end] == weights[begin]) ++end;
    if (weights[begin] == 0) continue;
    out.push_back(static_cast<int32_t>(begin));
    out.push_back(static_cast<int32_t>(end - begin));
    push_words(out, std::bit_cast<uint64_t>(weights[begin]));
  }
  return out;
}

Origin unpack_origin(std::span<const int32_t> packed) {
  check(packed);
  return {packed[0], static_cast<int64_t>(join_words(packed.subspan(1)))};
}

std::vector<double> unpack_weights(std::span<const int32_t> packed, int64_t length) {
  check(packed);
  std::vector<double> weights(static_cast<size_t>(length), 0.0);
  for (size_t at = kRunsHeader; at < packed.size(); at += kRun) {
    const int64_t begin = packed[at], count = packed[at + 1];
    if (begin < 0 || count < 0 || begin + count > length) check({});
    const double weight = std::bit_cast<double>(join_words(packed.subspan(at + 2)));
    std::fill_n(weights.begin() + begin, count, weight);
  }
  return weights;
}

}  // namespace loongforge::corpus
