// SPDX-License-Identifier: Apache-2.0
// The second dataset of tokenized conversations: for each where it came from, and its label weights as runs.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace loongforge::corpus {

/// Where a conversation stands: number of the input file, number of the record in it.
struct Origin {
  int64_t source = 0, number = 0;
};

inline std::string turns_prefix(const std::string& prefix) { return prefix + "_turns"; }

/// [source, number in 4 words of 16 bits, then for each run of equal weights > 0: begin, count, the double's 4 words].
std::vector<int32_t> pack_runs(Origin origin, const std::vector<double>& weights);
Origin unpack_origin(std::span<const int32_t> packed);
/// Weights of `length` ids. DataError when the runs don't lie within.
std::vector<double> unpack_weights(std::span<const int32_t> packed, int64_t length);

}  // namespace loongforge::corpus
