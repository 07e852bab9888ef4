// SPDX-License-Identifier: Apache-2.0
// Loader: the microbatches of one data-parallel rank, step after step, made ahead on background threads. Which samples a
// step holds depends on (seed, consumed samples) only: not on ranks, workers or history.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "loongforge/data/dataset.h"

namespace loongforge::data {

struct LoaderOptions {
  int64_t micro_batch_size = 1;
  int64_t global_batch_size = 1;   ///< samples a step over all data-parallel ranks
  int dp_rank = 0, dp_size = 1;
  uint64_t seed = 0;
  bool shuffle = true;
  int64_t total_samples = -1;      ///< end of data after that many samples (epochs × size); −1: endless
  int64_t row_multiple = 1;
  bool pin = false;                ///< tensors in pinned memory, for a device
  int prefetch = 2;                ///< steps made ahead; 0: made by next() itself
  int workers = 1;                 ///< threads that make them
};

struct StepBatch {
  std::vector<step::MicroBatch> micro;  ///< of this rank; as many on every rank
  std::vector<int64_t> index;           ///< of each, its number in the global batch's order
  int64_t samples = 0;                  ///< of the whole global batch
  int64_t units = 0;                    ///< of this rank's microbatches
};

class Loader {
 public:
  /// Starts at sample `consumed` of the order.
  Loader(std::shared_ptr<const Dataset> dataset, LoaderOptions options, int64_t consumed);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// The next step's microbatches, or nothing at the end of the data. Rethrows what a background thread threw.
  std::optional<StepBatch> next();
  /// Samples given out so far, from the beginning of the run.
  int64_t consumed() const { return consumed_; }

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  int64_t consumed_ = 0;
};

/// Index of the sample at `position` of the endless order over epochs of `size` samples.
int64_t sample_at(int64_t position, int64_t size, uint64_t seed, bool shuffle);

/// The microbatches of one step that starts at sample `consumed`, made in the calling thread.
std::optional<StepBatch> make_step(const Dataset& dataset, const LoaderOptions& options, int64_t consumed);

}  // namespace loongforge::data
