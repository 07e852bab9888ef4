// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace loongforge::corpus {

/// An interpolated Kneser–Ney bigram (Chen and Goodman 1999; discount D = n1 / (n1 + 2 n2)); its continuation counts
/// are interpolated with the uniform distribution in the same way, so no id has probability 0.
class KneserNeyBigram {
 public:
  /// Ids are in [0, vocab_size).
  KneserNeyBigram(const std::vector<int64_t>& training, int64_t vocab_size);
  double probability(int64_t previous, int64_t next) const;
  /// Nats per id, over all ids but the first.
  double cross_entropy(const std::vector<int64_t>& text) const;

 private:
  struct Context {
    int64_t total = 0, distinct = 0;
  };
  double lower_order(int64_t next) const;

  int64_t vocab_size_;
  std::vector<Context> contexts_;
  std::vector<int64_t> continuations_;
  std::unordered_map<uint64_t, int64_t> pairs_;
  int64_t distinct_pairs_ = 0, continued_ = 0;
  double discount_ = 0, lower_discount_ = 0;
};

}  // namespace loongforge::corpus
