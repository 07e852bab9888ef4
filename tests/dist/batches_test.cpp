// SPDX-License-Identifier: Apache-2.0
// What is in a batch changes nothing: ragged last batches, ranks without loss, single-row documents, packing, and
// recomputation.
#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include <numeric>

#include "dist/runs.h"
#include "loongforge/data/packed_rows.h"

namespace loongforge::verify {
namespace {

using Documents = std::vector<std::vector<int64_t>>;  // ids of each document of a sample

/// Samples as listed, in that order; those in `silent` carry no label.
class Listed final : public data::Dataset {
 public:
  explicit Listed(std::vector<Documents> samples, std::vector<int64_t> silent = {})
      : samples_(std::move(samples)), silent_(std::move(silent)) {}
  int64_t size() const override { return static_cast<int64_t>(samples_.size()); }
  std::string unit() const override { return "tok"; }
  int64_t units(const step::MicroBatch& batch) const override { return batch.host("real_rows").at(0); }
  void silence(step::MicroBatch& batch) const override { data::silence_rows(batch); }

  step::MicroBatch collate(const std::vector<int64_t>& indices, int64_t row_multiple) const override {
    std::vector<data::PackedSample> packed;
    for (int64_t index : indices) {
      data::PackedSample& all = packed.emplace_back();
      all.id = index;
      for (const auto& document : samples_[static_cast<size_t>(index)]) {
        auto one = data::next_id_sample(index, document);
        all.ids.insert(all.ids.end(), one.ids.begin(), one.ids.end());
        all.labels.insert(all.labels.end(), one.labels.begin(), one.labels.end());
        all.lengths.push_back(static_cast<int64_t>(document.size()));
      }
      if (std::find(silent_.begin(), silent_.end(), index) != silent_.end()) {
        all.labels.assign(all.labels.size(), data::kNoLabel);
      }
    }
    return data::pack_rows(packed, row_multiple);
  }

 private:
  std::vector<Documents> samples_;
  std::vector<int64_t> silent_;
};

std::vector<int64_t> document(int64_t seed, int64_t length) {
  std::vector<int64_t> ids(static_cast<size_t>(length));
  for (int64_t i = 0; i < length; ++i) ids[static_cast<size_t>(i)] = (seed * 7919 + i * i * 31 + i * 17) % 259;
  return ids;
}

/// One pass in the listed order, `global` samples a step, one a microbatch.
std::function<void(config::RunConfig&)> one_pass(int64_t global) {
  return [global](config::RunConfig& config) {
    config.train.steps.reset();
    config.train.epochs = 1;
    config.train.micro_batch_size = 1;
    config.train.global_batch_size = global;
    config.data.shuffle = false;
  };
}

/// Ten samples make steps of 4, 4 and 2; in the second step ranks with an odd number have no label, at dp 2 and at dp 4.
std::shared_ptr<const data::Dataset> awkward_samples() {
  const int64_t lengths[] = {5, 1, 23, 8, 1, 13, 17, 3, 11, 2};
  std::vector<Documents> samples;
  for (int64_t i = 0; i < 10; ++i) samples.push_back({document(i, lengths[i])});
  return std::make_shared<Listed>(std::move(samples), std::vector<int64_t>{5, 7});
}

class AwkwardBatches : public testing::TestWithParam<std::tuple<Case, Dtype>> {};

TEST_P(AwkwardBatches, EqualOneRank) {
  const auto& [layout_case, dtype] = GetParam();
  const auto run = [dtype = dtype](const std::vector<std::string>& overrides) {
    return traced(configured(overrides), with_descent(), [dtype](config::RunConfig& config) {
      compare_in(dtype, config);
      one_pass(4)(config);
    }, awkward_samples());
  };
  const auto single = run({"parallel.dp=1"});
  ASSERT_EQ(single.losses.size(), 3u);
  const auto difference = worst(run(layout_case.overrides), single);
  EXPECT_LE(difference.relative, bar_in(dtype)) << difference.what << ", " << difference.where;
}

const auto kNameOfRun = [](const auto& info) {
  return std::string(std::get<0>(info.param).name) + "_" + std::string(dtype_name(std::get<1>(info.param)));
};

INSTANTIATE_TEST_SUITE_P(
    Dense, AwkwardBatches,
    testing::Combine(
        testing::Values(Case{"dp2", {"parallel.dp=2"}}, Case{"dp4", {"parallel.dp=4"}}, Case{"dp3", {"parallel.dp=3"}},
                        Case{"tp4", {"parallel.tp=4", "parallel.dp=1"}},
                        Case{"tp2_sp_dp2", {"parallel.tp=2", "parallel.sequence_parallel=true", "parallel.dp=2"}},
                        Case{"dp2_zero2", {"parallel.dp=2", "parallel.zero=2"}},
                        Case{"dp4_zero3", {"parallel.dp=4", "parallel.zero=3"}},
                        Case{"pp2_dp2", {"parallel.pp=2", "parallel.dp=2"}}),
        testing::Values(Dtype::f64, Dtype::f32)),
    kNameOfRun);

TEST(SingleRows, ADocumentOfOneRowHasNoLossAndHarmsNothing) {
  const auto registry = train::Registry::builtin();
  const auto alone = std::make_shared<Listed>(std::vector<Documents>{{document(1, 9)}, {document(2, 6)}});
  const auto beside = std::make_shared<Listed>(
      std::vector<Documents>{{document(5, 1), document(1, 9)}, {document(2, 6), document(6, 1), document(7, 1)}});
  const auto difference = worst(traced(configured({"parallel.dp=1"}), registry, one_pass(2), beside),
                                traced(configured({"parallel.dp=1"}), registry, one_pass(2), alone));
  EXPECT_LE(difference.relative, 1e-12) << difference.what << ", " << difference.where;
}

class Packing : public testing::TestWithParam<Dtype> {};

TEST_P(Packing, PackedDocumentsEqualTheDocumentsAlone) {
  const int64_t lengths[] = {5, 1, 19, 8, 2, 13};
  std::vector<Documents> packed{{}, {}}, alone;
  for (int64_t i = 0; i < 6; ++i) {
    packed[static_cast<size_t>(i / 3)].push_back(document(i, lengths[i]));
    alone.push_back({document(i, lengths[i])});
  }
  const auto run = [](const char* layout, int64_t global, std::shared_ptr<const data::Dataset> samples) {
    return traced(configured({layout}), with_descent(), [global](config::RunConfig& config) {
      compare_in(GetParam(), config);
      one_pass(global)(config);
    }, std::move(samples));
  };
  const auto reference = run("parallel.dp=1", 6, std::make_shared<Listed>(std::move(alone)));
  const auto rows = std::make_shared<Listed>(std::move(packed));
  for (const char* layout : {"parallel.dp=1", "parallel.dp=2"}) {
    const auto difference = worst(run(layout, 2, rows), reference);
    EXPECT_LE(difference.relative, GetParam() == Dtype::f64 ? 1e-12 : 1e-5)
        << layout << ": " << difference.what << ", " << difference.where;
  }
}

INSTANTIATE_TEST_SUITE_P(Types, Packing, testing::Values(Dtype::f64, Dtype::f32),
                         [](const auto& info) { return std::string(dtype_name(info.param)); });

void expect_bitwise_equal(const Trace& a, const Trace& b, const std::string& what) {
  EXPECT_EQ(a.losses, b.losses) << what;
  EXPECT_EQ(a.norms, b.norms) << what;
  ASSERT_EQ(a.gradients.size(), b.gradients.size());
  for (size_t step = 0; step < a.gradients.size(); ++step) {
    ASSERT_EQ(a.gradients[step].size(), b.gradients[step].size());
    for (const auto& [name, gradient] : b.gradients[step]) {
      EXPECT_TRUE(at::equal(a.gradients[step].at(name), gradient)) << what << ", step " << step << ": " << name;
    }
  }
  for (const auto& [name, weight] : b.weights) EXPECT_TRUE(at::equal(a.weights.at(name), weight)) << what << ": " << name;
}

class Recompute : public testing::TestWithParam<std::tuple<const char*, Dtype>> {};

TEST_P(Recompute, IsBitwiseTheSame) {
  const auto [layout, dtype] = GetParam();
  const auto in_dtype = [dtype = dtype](config::RunConfig& config) { config.precision.dtype = dtype; };
  std::vector<std::string> overrides{layout};
  if (overrides[0] == "parallel.tp=2") overrides.push_back("parallel.sequence_parallel=true");
  const auto run = [&](const char* mode) {
    auto with_mode = overrides;
    with_mode.push_back(std::string("memory.recompute=") + mode);
    return traced(configured(with_mode), train::Registry::builtin(), in_dtype);
  };
  const auto plain = run("none");
  ASSERT_EQ(plain.gradients.size(), 3u);
  for (const char* mode : {"selective", "full"}) expect_bitwise_equal(run(mode), plain, mode);
}

INSTANTIATE_TEST_SUITE_P(Dense, Recompute,
                         testing::Combine(testing::Values("parallel.dp=1", "parallel.tp=2", "parallel.pp=2"),
                                          testing::Values(Dtype::f64, Dtype::f32, Dtype::bf16)),
                         [](const auto& info) {
                           std::string name = std::get<0>(info.param) + std::string(dtype_name(std::get<1>(info.param)));
                           std::erase_if(name, [](char c) { return c == '.' || c == '='; });
                           return name;
                         });

}  // namespace
}  // namespace loongforge::verify
