// SPDX-License-Identifier: Apache-2.0
#include "rows_dataset.h"

#include <algorithm>

#include "loongforge/core/rng.h"
#include "loongforge/corpus/blend.h"
#include "loongforge/data/loader.h"
#include "loongforge/data/packed_rows.h"

namespace loongforge::data {

namespace {

PackedSample packed(const corpus::Sample& sample, int64_t index) {
  PackedSample result;
  result.id = index;
  result.ids.assign(sample.ids.begin(), sample.ids.end());
  result.labels.assign(sample.labels.begin(), sample.labels.end());
  bool weighted = false;
  for (size_t i = 0; i < result.labels.size(); ++i) {
    const double weight = sample.loss_weights[i];
    if (weight == 0) result.labels[i] = kNoLabel;
    weighted = weighted || (weight != 0 && weight != 1);
  }
  if (weighted) result.weights = sample.loss_weights;
  result.lengths.assign(sample.document_lengths.begin(), sample.document_lengths.end());
  return result;
}

class RowsDataset : public Dataset {
 public:
  explicit RowsDataset(Sources sources) : sources_(std::move(sources)) {
    for (const auto& source : sources_.parts) first_.push_back(first_.back() + source->size());
  }
  int64_t size() const override { return first_.back(); }
  std::string summary() const override { return sources_.summary; }
  std::string unit() const override { return "tok"; }
  int64_t units(const step::MicroBatch& batch) const override { return batch.host("real_rows").at(0); }
  void silence(step::MicroBatch& batch) const override { silence_rows(batch); }

  step::MicroBatch collate(const std::vector<int64_t>& indices, int64_t row_multiple) const override {
    std::vector<PackedSample> samples;
    for (int64_t index : indices) {
      const auto part = static_cast<size_t>(std::upper_bound(first_.begin(), first_.end(), index) - first_.begin() - 1);
      samples.push_back(packed(sources_.parts[part]->get(index - first_[part]), index));
    }
    return pack_rows(samples, row_multiple);
  }

 protected:
  Sources sources_;
  std::vector<int64_t> first_{0};
};

class BlendedDataset final : public RowsDataset {
 public:
  BlendedDataset(Sources sources, const std::vector<double>& weights)
      : RowsDataset(std::move(sources)), blend_(weights) {}

  int64_t index_at(int64_t position, uint64_t seed, bool shuffle) const override {
    const auto [part, count] = blend_(position);
    const auto at = static_cast<size_t>(part);
    const uint64_t own_seed = rng_key(seed, {name_hash("blend"), static_cast<uint64_t>(part)}).value;
    return first_[at] + sample_at(count, sources_.parts[at]->size(), own_seed, shuffle);
  }

 private:
  corpus::Blend blend_;
};

}  // namespace

std::shared_ptr<const Dataset> make_rows_dataset(Sources sources) {
  return std::make_shared<RowsDataset>(std::move(sources));
}

std::shared_ptr<const Dataset> make_blended_dataset(Sources sources, const std::vector<double>& weights) {
  return std::make_shared<BlendedDataset>(std::move(sources), weights);
}

}  // namespace loongforge::data
