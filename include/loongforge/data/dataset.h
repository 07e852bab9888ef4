// SPDX-License-Identifier: Apache-2.0
// Dataset: numbered samples and how several of them become one microbatch. What a sample is, only the dataset knows.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "loongforge/step/state.h"

namespace loongforge::data {

/// Microbatches are made on loader threads: all const members must be safe to call concurrently.
class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual int64_t size() const = 0;
  /// Index of the sample at `position` of the endless order of training: a function of (seed, position) alone. By default
  /// epoch after epoch, each a permutation of its own (`shuffle`) or as stored.
  virtual int64_t index_at(int64_t position, uint64_t seed, bool shuffle) const;
  /// What people should know of it, such as what was left out; may be empty, may have several lines.
  virtual std::string summary() const { return {}; }
  /// What throughput counts: "tok", "img"…
  virtual std::string unit() const = 0;
  /// Host tensors of the samples `indices`, one after another. Errors: DataError naming the place.
  /// The leading extent of every sequence dimension is padded up to a multiple of `row_multiple` with rows that
  /// carry no loss (needed by sequence parallelism).
  virtual step::MicroBatch collate(const std::vector<int64_t>& indices, int64_t row_multiple) const = 0;
  /// Sets every loss weight of a collated batch to zero: what a rank runs when it has no samples of its own left.
  virtual void silence(step::MicroBatch& batch) const = 0;
  /// Units in a collated batch, padding excluded.
  virtual int64_t units(const step::MicroBatch& batch) const = 0;
};

}  // namespace loongforge::data
