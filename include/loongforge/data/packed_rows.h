// SPDX-License-Identifier: Apache-2.0
// Packed rows: sequences of ids one after another, as language models take them (names of the tensors: step/state.h).
#pragma once
#include <cstdint>
#include <vector>

#include "loongforge/step/state.h"

namespace loongforge::data {

/// One sample: ids, for each the id that should follow (−100: no loss), and the lengths of the documents within, which
/// don't see each other.
struct PackedSample {
  int64_t id = 0;
  std::vector<int64_t> ids, labels;
  std::vector<double> weights;  ///< of the labels; empty: all 1
  std::vector<int64_t> lengths;
};

/// Label that carries no loss.
inline constexpr int64_t kNoLabel = -100;

/// Host tensors ids, positions (from 0 in each document), labels, sample_ids; host lists cu_seqlens, max_position,
/// squared_rows (Σ length²) and extent.rows. Rows are padded to a multiple of `row_multiple` by a document of
/// its own without labels. When a sample has weights there is also label_weights, fp64.
step::MicroBatch pack_rows(const std::vector<PackedSample>& samples, int64_t row_multiple);

/// Removes every label of a packed batch.
void silence_rows(step::MicroBatch& batch);

/// A sample of one sequence whose label is the next id, the last row without label.
PackedSample next_id_sample(int64_t id, std::vector<int64_t> ids);

}  // namespace loongforge::data
