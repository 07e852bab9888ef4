// SPDX-License-Identifier: Apache-2.0
#include "loongforge/data/packed_rows.h"

#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>

#include <algorithm>

#include "loongforge/core/error.h"

namespace loongforge::data {

namespace {

step::BatchTensor row_tensor(const std::vector<int64_t>& values) {
  return {at::tensor(values, at::TensorOptions().dtype(at::ScalarType::Long)), {step::AxisRole::sequence}, "text"};
}

/// Weights of every label, 0 where there is none.
step::BatchTensor weight_tensor(const std::vector<PackedSample>& samples, const std::vector<int64_t>& labels) {
  std::vector<double> weights;
  for (const auto& sample : samples) {
    if (sample.weights.empty()) weights.resize(weights.size() + sample.ids.size(), 1.0);
    weights.insert(weights.end(), sample.weights.begin(), sample.weights.end());
  }
  weights.resize(labels.size(), 0.0);
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] == kNoLabel) weights[i] = 0;
  }
  return {at::tensor(weights, at::TensorOptions().dtype(at::ScalarType::Double)), {step::AxisRole::sequence}, "text"};
}

struct Rows {
  std::vector<int64_t> ids, positions, labels, sample_ids, cu_seqlens{0};
  int64_t max_position = 0, squared = 0;

  void add_document(const int64_t* first_id, const int64_t* first_label, int64_t length, int64_t sample) {
    if (length == 0) return;
    ids.insert(ids.end(), first_id, first_id + length);
    labels.insert(labels.end(), first_label, first_label + length);
    for (int64_t i = 0; i < length; ++i) positions.push_back(i);
    sample_ids.insert(sample_ids.end(), length, sample);
    cu_seqlens.push_back(static_cast<int64_t>(ids.size()));
    max_position = std::max(max_position, length - 1);
    squared += length * length;
  }
};

}  // namespace

step::MicroBatch pack_rows(const std::vector<PackedSample>& samples, int64_t row_multiple) {
  Rows rows;
  for (const auto& sample : samples) {
    int64_t at = 0;
    for (int64_t length : sample.lengths) {
      rows.add_document(sample.ids.data() + at, sample.labels.data() + at, length, sample.id);
      at += length;
    }
    LF_ASSERT(at == static_cast<int64_t>(sample.ids.size()) && sample.labels.size() == sample.ids.size());
  }
  const auto real = static_cast<int64_t>(rows.ids.size());
  const int64_t padding = (row_multiple - real % row_multiple) % row_multiple;
  const std::vector<int64_t> pad_ids(padding, 0), pad_labels(padding, kNoLabel);
  rows.add_document(pad_ids.data(), pad_labels.data(), padding, 0);
  step::MicroBatch batch;
  batch.set("ids", row_tensor(rows.ids));
  batch.set("positions", row_tensor(rows.positions));
  batch.set("labels", row_tensor(rows.labels));
  batch.set("sample_ids", row_tensor(rows.sample_ids));
  if (std::any_of(samples.begin(), samples.end(), [](const PackedSample& sample) { return !sample.weights.empty(); })) {
    batch.set("label_weights", weight_tensor(samples, rows.labels));
  }
  batch.set_host("cu_seqlens", rows.cu_seqlens);
  batch.set_host("max_position", {rows.max_position});
  batch.set_host("squared_rows", {rows.squared});
  batch.set_host("real_rows", {real});
  // Between pipeline stages rows are this rank's share of a sequence-parallel region.
  batch.set_host("extent.rows", {(real + padding) / row_multiple});
  return batch;
}

void silence_rows(step::MicroBatch& batch) {
  auto& labels = batch.tensors().at("labels").tensor;
  labels = at::full(labels.sizes(), kNoLabel, labels.options());
}

PackedSample next_id_sample(int64_t id, std::vector<int64_t> ids) {
  PackedSample sample;
  sample.id = id;
  sample.labels.assign(ids.begin() + (ids.empty() ? 0 : 1), ids.end());
  if (!ids.empty()) sample.labels.push_back(kNoLabel);
  sample.lengths = {static_cast<int64_t>(ids.size())};
  sample.ids = std::move(ids);
  return sample;
}

}  // namespace loongforge::data
