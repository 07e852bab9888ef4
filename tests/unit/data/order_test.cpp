// SPDX-License-Identifier: Apache-2.0
// Which samples a step holds: a function of (seed, position), whatever the ranks, workers and history.
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>

#include <numeric>
#include <set>

#include "loongforge/data/builtin.h"
#include "loongforge/data/loader.h"
#include "loongforge/data/packed_rows.h"
#include "support/temp_folder.h"
#include "tiny_spec.h"

namespace loongforge::data {
namespace {

class Order : public test::TempFolder {
 protected:
  std::string documents(const std::string& name, int count, const std::string& text) {
    std::string lines;
    for (int i = 0; i < count; ++i) {
      lines += fmt::format("{{\"text\": \"{} {} {}\"}}\n", text, i, std::string(static_cast<size_t>(i % 9 + 1), 'z'));
    }
    return write(name, lines);
  }
  /// Each document a sample.
  std::shared_ptr<const Dataset> open(BuiltinRequest request) const {
    request.kind = "jsonl";
    request.packing = false;
      request.tokenizer = LF_SOURCE_DIR "/examples/quickstart";
    request.cache_dir = at("cache");
    return make_builtin(request, test::tiny_spec(2048));
  }
  static LoaderOptions options(int rank, int ranks, int workers = 1) {
    LoaderOptions options;
    options.micro_batch_size = 2, options.global_batch_size = 12;
    options.dp_rank = rank, options.dp_size = ranks;
    options.seed = 11, options.workers = workers;
    return options;
  }
  /// Sample ids of `steps` steps from `consumed`, over all ranks, in the global batch's order.
  static std::vector<std::vector<int64_t>> ids(const std::shared_ptr<const Dataset>& dataset, int ranks, int workers,
                                               int64_t consumed, int steps) {
    std::vector<std::unique_ptr<Loader>> loaders;
    for (int rank = 0; rank < ranks; ++rank)
      loaders.push_back(std::make_unique<Loader>(dataset, options(rank, ranks, workers), consumed));
    std::vector<std::vector<int64_t>> result;
    for (int step = 0; step < steps; ++step) {
      std::map<int64_t, std::vector<int64_t>> by_number;
      for (auto& loader : loaders) {
        const auto batch = loader->next();
        for (size_t m = 0; m < batch->micro.size(); ++m) {
          const auto& samples = batch->micro[m].get("sample_ids");
          const auto* first = samples.const_data_ptr<int64_t>();
          by_number[batch->index[m]].assign(first, first + samples.numel());
        }
      }
      auto& flat = result.emplace_back();
      for (const auto& [number, samples] : by_number) flat.insert(flat.end(), samples.begin(), samples.end());
    }
    return result;
  }
};

TEST_F(Order, RanksWorkersAndResumeDontMatter) {
  BuiltinRequest request;
  request.train = {documents("a.jsonl", 90, "first"), documents("b.jsonl", 60, "second")};
  const auto dataset = open(request);
  const auto expected = ids(dataset, 1, 1, 0, 20);
  EXPECT_EQ(ids(dataset, 2, 3, 0, 20), expected);
  EXPECT_EQ(ids(dataset, 3, 2, 0, 20), expected);
  // From the middle of the second file's samples in the second epoch, on other ranks.
  const auto rest = ids(dataset, 3, 4, 12 * 13, 7);
  EXPECT_EQ(rest, (std::vector<std::vector<int64_t>>(expected.begin() + 13, expected.end())));
}

TEST_F(Order, BlendsKeepTheirSharesAndEpochsOfTheirOwn) {
  BuiltinRequest request;
  request.train = {documents("a.jsonl", 30, "a"), documents("b.jsonl", 100, "b")};
  request.weights = {0.75, 0.25};
  const auto dataset = open(request);
  ASSERT_EQ(dataset->size(), 130);
  std::set<int64_t> first_epoch;
  int64_t from_a = 0;
  for (int64_t position = 0; position < 400; ++position) {
    const int64_t index = dataset->index_at(position, 7, true);
    from_a += index < 30;
    if (position < 40 && index < 30) first_epoch.insert(index);
  }
  EXPECT_EQ(from_a, 300);
  EXPECT_EQ(first_epoch.size(), 30u) << "a's first 30 samples are all of a";
  const auto expected = ids(dataset, 1, 1, 0, 12);
  EXPECT_EQ(ids(dataset, 3, 3, 12 * 5, 7), (std::vector<std::vector<int64_t>>(expected.begin() + 5, expected.end())));
  request.weights = {1};
  EXPECT_THROW(open(request), ConfigError);
}

TEST_F(Order, BlendsByTokensCountTokens) {
  BuiltinRequest request;
  request.train = {documents("long.jsonl", 50, std::string(200, 'x')), documents("short.jsonl", 50, "y")};
  request.weights = {0.5, 0.5};
  request.weight_by = "tokens";
  const auto dataset = open(request);
  std::array<double, 2> tokens{};
  for (int64_t position = 0; position < 2000; ++position) {
    const int64_t index = dataset->index_at(position, 7, true);
    tokens[index < 50 ? 0 : 1] += static_cast<double>(dataset->units(dataset->collate({index}, 1)));
  }
  EXPECT_NEAR(tokens[0] / (tokens[0] + tokens[1]), 0.5, 0.01);
}

TEST_F(Order, ValidationIsAPartThatTrainingNeverSees) {
  BuiltinRequest request;
  request.train = {documents("a.jsonl", 200, "a")};
  request.valid_fraction = 0.1;
  const auto train = open(request);
  request.validation = true;
  const auto valid = open(request);
  EXPECT_EQ(train->size() + valid->size(), 200);
  EXPECT_GT(valid->size(), 5);
  std::set<std::vector<int64_t>> seen;
  for (const auto& dataset : {train, valid}) {
    for (int64_t i = 0; i < dataset->size(); ++i) {
      const auto batch = dataset->collate({i}, 1);
      const auto& ids = batch.get("ids");
      seen.insert({ids.const_data_ptr<int64_t>(), ids.const_data_ptr<int64_t>() + ids.numel()});
    }
  }
  EXPECT_EQ(seen.size(), 200u);
}

TEST(PackedRows, WeightsComeWithLabelsOnly) {
  PackedSample plain = next_id_sample(0, {1, 2, 3}), weighted = next_id_sample(1, {4, 5, 6});
  EXPECT_FALSE(pack_rows({plain}, 1).has("label_weights"));
  weighted.weights = {0.5, 2, 7};
  const auto batch = pack_rows({plain, weighted}, 4);
  const auto& weights = batch.get("label_weights");
  const std::vector<double> expected{1, 1, 0, 0.5, 2, 0, 0, 0};
  ASSERT_EQ(weights.numel(), 8);
  EXPECT_EQ(std::vector<double>(weights.const_data_ptr<double>(), weights.const_data_ptr<double>() + 8), expected);
}

}  // namespace
}  // namespace loongforge::data
