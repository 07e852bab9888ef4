// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "loongforge/core/error.h"
#include "loongforge/core/rng.h"
#include "loongforge/corpus/sft.h"
#include "turn_runs.h"

namespace loongforge::corpus {

namespace {

/// Part of a conversation that is kept.
struct Kept {
  int64_t conversation = 0, begin = 0, count = 0;
};

class SftRowSource final : public SampleSource {
 public:
  SftRowSource(const std::string& prefix, int64_t vocab_size, const SftRows& options, std::vector<std::string> sources)
      : ids_(prefix, vocab_size), turns_(turns_prefix(prefix)), options_(options), sources_(std::move(sources)) {
    if (ids_.sequences() != turns_.sequences()) {
      throw DataError(fmt::format("{}: ids and turns are of different data", prefix),
                      "remove the folder; it is made again");
    }
    const auto kept = keep();
    if (options_.packing) {
      pack(kept);
    } else {
      for (const auto& one : kept) rows_.push_back({one});
    }
    counts_.rows = static_cast<int64_t>(rows_.size());
  }

  int64_t size() const override { return static_cast<int64_t>(rows_.size()); }
  double mean_length() const override {
    return static_cast<double>(counts_.ids) / static_cast<double>(std::max<size_t>(rows_.size(), 1));
  }
  const SftRowCounts& counts() const { return counts_; }

  Sample get(int64_t index) const override {
    Sample sample;
    sample.id = static_cast<uint64_t>(index);
    for (const auto& part : rows_.at(static_cast<size_t>(index))) {
      ids_.read(part.conversation, part.begin, part.count, sample.ids);
      const auto weights = weights_of(part);
      // The label of a position is the next id; the last has none.
      sample.loss_weights.insert(sample.loss_weights.end(), weights.begin() + 1, weights.end());
      sample.loss_weights.push_back(0);
      sample.document_lengths.push_back(static_cast<int32_t>(part.count));
    }
    sample.labels.assign(sample.ids.begin() + 1, sample.ids.end());
    sample.labels.push_back(0);
    return sample;
  }

 private:
  std::vector<double> weights_of(const Kept& part) const {
    auto weights = unpack_weights(turns_.sequence(part.conversation), ids_.length(part.conversation));
    weights.erase(weights.begin() + part.begin + part.count, weights.end());
    weights.erase(weights.begin(), weights.begin() + part.begin);
    return weights;
  }

  bool has_loss(const Kept& part) const {
    const auto weights = weights_of(part);
    return std::any_of(weights.begin() + 1, weights.end(), [](double weight) { return weight > 0; });
  }

  std::string place(int64_t conversation) const {
    const Origin origin = unpack_origin(turns_.sequence(conversation));
    const auto source = static_cast<size_t>(origin.source);
    return fmt::format("{}:{}", source < sources_.size() ? sources_[source] : "?", origin.number);
  }

  /// Every conversation that stays, cut to the length of a row.
  std::vector<Kept> keep() {
    std::vector<Kept> kept;
    const int64_t most = options_.seq_length;
    for (int64_t i = 0; i < ids_.sequences(); ++i) {
      const int64_t length = ids_.length(i);
      Kept part{i, 0, std::min(length, most)};
      if (length > most) {
        if (options_.truncation == Truncation::error) {
          throw DataError(
              fmt::format("{}: the conversation has {} tokens, more than data.seq_length {}", place(i), length, most),
              "raise data.seq_length, or choose data.truncation=right, left or drop");
        }
        if (options_.truncation == Truncation::drop) {
          ++counts_.too_long;
          continue;
        }
        if (options_.truncation == Truncation::left) part.begin = length - most;
        if (!has_loss(part)) {
          ++counts_.lost_loss;
          continue;
        }
        ++counts_.truncated;
      }
      counts_.ids += part.count;
      kept.push_back(part);
    }
    counts_.conversations = static_cast<int64_t>(kept.size());
    return kept;
  }

  void pack(const std::vector<Kept>& kept) {
    const auto count = static_cast<int64_t>(kept.size());
    const RngKey key = rng_key(options_.seed, {name_hash("packing")});
    for (int64_t begin = 0; begin < count; begin += options_.buffer) {
      std::vector<Kept> buffer;
      std::vector<int64_t> lengths;
      for (int64_t i = begin; i < std::min(count, begin + options_.buffer); ++i) {
        const auto at = options_.shuffle ? permute(key, static_cast<uint64_t>(i), static_cast<uint64_t>(count))
                                         : static_cast<uint64_t>(i);
        buffer.push_back(kept[at]);
        lengths.push_back(kept[at].count);
      }
      for (const auto& bin : first_fit_decreasing(lengths, options_.seq_length)) {
        auto& row = rows_.emplace_back();
        for (int64_t item : bin) row.push_back(buffer[static_cast<size_t>(item)]);
      }
    }
  }

  IndexedReader ids_, turns_;
  SftRows options_;
  std::vector<std::string> sources_;
  std::vector<std::vector<Kept>> rows_;
  SftRowCounts counts_;
};

}  // namespace

std::string SftRowCounts::summary(int64_t seq_length) const {
  const double room = static_cast<double>(rows) * static_cast<double>(seq_length);
  std::string text = fmt::format("{} conversations in {} rows of {} ({:.0f} % full)", conversations, rows, seq_length,
                                 room > 0 ? 100.0 * static_cast<double>(ids) / room : 0.0);
  if (truncated > 0) text += fmt::format("; {} cut to the row's length", truncated);
  if (too_long > 0) text += fmt::format("; {} longer ones dropped", too_long);
  if (lost_loss > 0) text += fmt::format("; {} dropped since cutting left no trained token", lost_loss);
  return text;
}

std::unique_ptr<SampleSource> make_sft_rows(const std::string& prefix, int64_t vocab_size, const SftRows& rows,
                                            const std::vector<std::string>& sources, SftRowCounts* counts) {
  LF_ASSERT(rows.seq_length > 0 && rows.buffer > 0);
  auto source = std::make_unique<SftRowSource>(prefix, vocab_size, rows, sources);
  if (counts) *counts = source->counts();
  return source;
}

}  // namespace loongforge::corpus
