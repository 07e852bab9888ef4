// SPDX-License-Identifier: Apache-2.0
#include "loongforge/corpus/ngram.h"

#include <algorithm>
#include <cmath>

#include "loongforge/core/error.h"

namespace loongforge::corpus {

namespace {

uint64_t pair_key(int64_t a, int64_t b) { return static_cast<uint64_t>(a) << 32 | static_cast<uint64_t>(b); }

double discount(int64_t once, int64_t twice) {
  return once + 2 * twice > 0 ? static_cast<double>(once) / static_cast<double>(once + 2 * twice) : 0.0;
}

}  // namespace

KneserNeyBigram::KneserNeyBigram(const std::vector<int64_t>& training, int64_t vocab_size)
    : vocab_size_(vocab_size),
      contexts_(static_cast<size_t>(vocab_size)),
      continuations_(static_cast<size_t>(vocab_size)) {
  for (size_t i = 0; i + 1 < training.size(); ++i) ++pairs_[pair_key(training[i], training[i + 1])];
  int64_t once = 0, twice = 0;
  for (const auto& [key, count] : pairs_) {
    auto& context = contexts_.at(static_cast<size_t>(key >> 32));
    context.total += count;
    ++context.distinct;
    ++continuations_.at(static_cast<size_t>(key & 0xFFFFFFFF));
    once += count == 1;
    twice += count == 2;
  }
  distinct_pairs_ = static_cast<int64_t>(pairs_.size());
  discount_ = discount(once, twice);
  lower_discount_ = discount(std::count(continuations_.begin(), continuations_.end(), 1),
                             std::count(continuations_.begin(), continuations_.end(), 2));
  continued_ = vocab_size - std::count(continuations_.begin(), continuations_.end(), 0);
}

double KneserNeyBigram::lower_order(int64_t next) const {
  const double uniform = 1.0 / static_cast<double>(vocab_size_);
  if (distinct_pairs_ == 0) return uniform;
  const auto all = static_cast<double>(distinct_pairs_);
  const auto own = static_cast<double>(continuations_[static_cast<size_t>(next)]);
  return std::max(own - lower_discount_, 0.0) / all + lower_discount_ * static_cast<double>(continued_) / all * uniform;
}

double KneserNeyBigram::probability(int64_t previous, int64_t next) const {
  const Context& context = contexts_.at(static_cast<size_t>(previous));
  const double lower = lower_order(next);
  if (context.total == 0) return lower;
  const auto found = pairs_.find(pair_key(previous, next));
  const double count = found == pairs_.end() ? 0.0 : static_cast<double>(found->second);
  const auto total = static_cast<double>(context.total);
  return std::max(count - discount_, 0.0) / total + discount_ * static_cast<double>(context.distinct) / total * lower;
}

double KneserNeyBigram::cross_entropy(const std::vector<int64_t>& text) const {
  LF_ASSERT(text.size() > 1);
  double sum = 0;
  for (size_t i = 0; i + 1 < text.size(); ++i) sum -= std::log(probability(text[i], text[i + 1]));
  return sum / static_cast<double>(text.size() - 1);
}

}  // namespace loongforge::corpus
