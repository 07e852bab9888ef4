// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "loongforge/corpus/sample.h"

namespace loongforge::corpus {

/// Inputs, labels and weights of consecutive ids. With `has_next` the last of `ids` is only a label; else the last
/// input has none. Labels across the ends of documents weigh 0.
Sample sample_from(uint64_t id, std::vector<int32_t> ids, std::vector<int32_t> document_lengths, bool has_next);

}  // namespace loongforge::corpus
