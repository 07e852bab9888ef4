// SPDX-License-Identifier: Apache-2.0
// What every corpus gives: numbered samples, and an order over them that depends on nothing but (seed, position).
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

namespace loongforge::corpus {

/// One training sample: `length` inputs and their labels. Documents are packed back to back and must not see each
/// other.
struct Sample {
  uint64_t id = 0;                        ///< names the sample in randomness and logs; stable over runs
  std::vector<int32_t> ids;               ///< [length] inputs
  std::vector<int32_t> labels;            ///< [length] next ids; anything where the weight is 0
  std::vector<double> loss_weights;       ///< [length] 0 where the label is of another document or absent
  std::vector<int32_t> document_lengths;  ///< sums to length
};

/// A numbered set of samples. `get` may be called from many threads at once.
class SampleSource {
 public:
  virtual ~SampleSource() = default;
  virtual int64_t size() const = 0;
  /// Ids a sample, on average.
  virtual double mean_length() const = 0;
  /// Sample `index` in [0, size()). DataError when the data there is damaged.
  virtual Sample get(int64_t index) const = 0;
};

/// The sample at a position of an endless run over `n` samples: epoch after epoch, each a new permutation of (seed,
/// epoch), whatever the ranks, workers and batch sizes. To resume, go on at the number of consumed samples.
class SampleOrder {
 public:
  /// n > 0; without `shuffle` every epoch is 0, 1, …, n-1.
  SampleOrder(uint64_t seed, int64_t n, bool shuffle = true);
  int64_t operator()(int64_t position) const;
  int64_t epoch(int64_t position) const { return position / n_; }
  int64_t size() const { return n_; }

 private:
  uint64_t seed_;
  int64_t n_;
  bool shuffle_;
};

}  // namespace loongforge::corpus
