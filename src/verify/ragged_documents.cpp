// SPDX-License-Identifier: Apache-2.0
#include "loongforge/core/rng.h"
#include "loongforge/data/packed_rows.h"
#include "loongforge/verify/verify.h"

namespace loongforge::verify {

namespace {

class RaggedDocuments final : public data::Dataset {
 public:
  RaggedDocuments(int64_t classes, int64_t max_length, int64_t samples, uint64_t seed)
      : classes_(classes), max_length_(max_length), samples_(samples), seed_(seed) {}
  int64_t size() const override { return samples_; }
  std::string unit() const override { return "tok"; }
  int64_t units(const step::MicroBatch& batch) const override { return batch.host("real_rows").at(0); }
  void silence(step::MicroBatch& batch) const override { data::silence_rows(batch); }

  step::MicroBatch collate(const std::vector<int64_t>& indices, int64_t row_multiple) const override {
    std::vector<data::PackedSample> samples;
    for (int64_t index : indices) samples.push_back(sample(index));
    return data::pack_rows(samples, row_multiple);
  }

 private:
  data::PackedSample sample(int64_t index) const {
    const RngKey key = rng_key(seed_, {name_hash("ragged documents"), static_cast<uint64_t>(index)});
    data::PackedSample all;
    all.id = index;
    const int64_t documents = 1 + static_cast<int64_t>(uniform_int(key, 0, 3));
    uint64_t draw = 1;
    for (int64_t d = 0; d < documents; ++d) {
      // The first document of every third sample is a single row.
      const int64_t length =
          d == 0 && index % 3 == 0 ? 1 : 1 + static_cast<int64_t>(uniform_int(key, draw++, max_length_));
      std::vector<int64_t> ids;
      for (int64_t i = 0; i < length; ++i) ids.push_back(static_cast<int64_t>(uniform_int(key, draw++, classes_)));
      auto one = data::next_id_sample(index, std::move(ids));
      if (index % 5 == 4) one.labels.assign(one.labels.size(), data::kNoLabel);
      all.ids.insert(all.ids.end(), one.ids.begin(), one.ids.end());
      all.labels.insert(all.labels.end(), one.labels.begin(), one.labels.end());
      all.lengths.push_back(length);
    }
    return all;
  }

  int64_t classes_, max_length_, samples_;
  uint64_t seed_;
};

}  // namespace

std::shared_ptr<const data::Dataset> ragged_documents(int64_t classes, int64_t max_length, int64_t samples,
                                                      uint64_t seed) {
  return std::make_shared<RaggedDocuments>(classes, max_length, samples, seed);
}

}  // namespace loongforge::verify
