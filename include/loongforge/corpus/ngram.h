// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <vector>

namespace loongforge::corpus {

/// Cross entropy in nats per id of `held_out` under an interpolated Kneser–Ney bigram of `train` (Chen and Goodman 1999,
/// one discount D = n1 / (n1 + 2 n2); continuation counts interpolated with the uniform distribution by the same discount).
/// Each stream is one sequence; its first id is not predicted. Ids are in [0, vocab_size).
/// DataError when there is nothing to fit or to predict.
double kneser_ney_bigram_cross_entropy(const std::vector<std::vector<int32_t>>& train,
                                       const std::vector<std::vector<int32_t>>& held_out, int64_t vocab_size);

}  // namespace loongforge::corpus
