// SPDX-License-Identifier: Apache-2.0
// Whole training steps against transformers and torch.optim.AdamW: three at a learning rate of 1e-2, in fp64.
#include <gtest/gtest.h>

#include <filesystem>

#include "dist/runs.h"
#include "loongforge/ckpt/model_dir.h"
#include "loongforge/data/packed_rows.h"
#include "loongforge/optim/adamw.h"
#include "support/temp_folder.h"

namespace loongforge::verify {
namespace {

const std::filesystem::path kGolden = std::filesystem::path(LF_SOURCE_DIR) / "tests/golden";

/// The rows of ids [steps, batch, length], one sample each.
class GoldenRows final : public data::Dataset {
 public:
  explicit GoldenRows(const at::Tensor& ids) : rows_(ids.reshape({-1, ids.size(-1)}).clone()) {}
  int64_t size() const override { return rows_.size(0); }
  std::string unit() const override { return "tok"; }
  int64_t units(const step::MicroBatch& batch) const override { return batch.host("real_rows").at(0); }
  void silence(step::MicroBatch& batch) const override { data::silence_rows(batch); }
  step::MicroBatch collate(const std::vector<int64_t>& indices, int64_t row_multiple) const override {
    std::vector<data::PackedSample> samples;
    for (int64_t index : indices) {
      const auto* row = rows_.const_data_ptr<int64_t>() + index * rows_.size(1);
      samples.push_back(data::next_id_sample(index, {row, row + rows_.size(1)}));
      samples.back().lengths = {rows_.size(1)};
    }
    return data::pack_rows(samples, row_multiple);
  }

 private:
  at::Tensor rows_;
};

/// AdamW as the golden files have it: norms and biases decay too.
class DecayAll final : public optim::Optimizer {
 public:
  explicit DecayAll(std::unique_ptr<optim::Optimizer> inner) : inner_(std::move(inner)) {}
  void attach(std::span<step::FlatShard> shards) override {
    for (auto& shard : shards) {
      for (auto& segment : shard.segments) segment.weight_decay = true;
    }
    inner_->attach(shards);
  }
  void step(double lr, const optim::GradientDecision& decision) override { inner_->step(lr, decision); }
  std::vector<std::string> state_names() const override { return inner_->state_names(); }
  optim::StepCounts counts() const override { return inner_->counts(); }
  void set_counts(optim::StepCounts counts) override { inner_->set_counts(counts); }
  at::Tensor skipped() const override { return inner_->skipped(); }

 private:
  std::unique_ptr<optim::Optimizer> inner_;
};

class Training : public test::TempFolder, public testing::WithParamInterface<std::tuple<const char*, Case>> {
 protected:
  config::RunConfig make(const std::string& model, std::vector<std::string> layout) const {
    config::LoadOptions options;
    options.overrides = {"model.config={}",       "model.path=" + (kGolden / "models" / model).string(),
                         "data.kind=tokens",      "data.train=[golden]",
                         "data.valid=[]",         "data.tokenizer=",
                         "data.shuffle=false",    "train.steps=3",
                         "train.micro_batch_size=1", "train.global_batch_size=2",
                         "optim.lr=1e-2",         "optim.schedule=constant",
                         "optim.warmup_steps=0",  "optim.betas=[0.9, 0.95]",
                         "optim.eps=1e-8",        "optim.weight_decay=0.1",
                         "optim.clip_grad=1.0",   "run.resume=never",
                         "run.output_dir=" + at("run"), "checkpoint.dtype=float64",
                         "precision.dtype=float64"};
    options.overrides.insert(options.overrides.end(), layout.begin(), layout.end());
    return config::load_run_config(LF_SOURCE_DIR "/configs/quickstart.yaml", options);
  }
};

void expect_series(const std::vector<double>& mine, const at::Tensor& golden, const char* what) {
  ASSERT_EQ(static_cast<int64_t>(mine.size()), golden.numel()) << what;
  for (size_t i = 0; i < mine.size(); ++i) {
    const double value = golden[static_cast<int64_t>(i)].item<double>();
    EXPECT_NEAR(mine[i], value, 1e-9 * value) << what << " of step " << i + 1;
  }
}

TEST_P(Training, ThreeStepsEndWhereTransformersDoes) {
  const auto& [model, layout] = GetParam();
  const ckpt::TensorSet golden(kGolden / "optim", std::string(model) + ".train");
  auto registry = train::Registry::builtin();
  registry.datasets["tokens"] = [&](const config::RunConfig&, const spec::ModelSpec&, train::Split split) {
    return split == train::Split::train ? std::make_shared<GoldenRows>(golden.tensor("input_ids")) : nullptr;
  };
  registry.optimizers["adamw"] = [adamw = registry.optimizers.at("adamw")](const config::RunConfig& config) {
    return std::make_unique<DecayAll>(adamw(config));
  };
  const auto config = make(model, layout.overrides);
  const auto& p = config.parallel;
  const Trace trace = run_trace(config, registry, static_cast<int>(p.tp * p.pp * p.dp.value_or(1)));
  expect_series(trace.losses, golden.tensor("loss"), "loss");
  expect_series(trace.norms, golden.tensor("grad_norm"), "gradient norm");
  const ckpt::ModelDir saved(at("run") + "/step_00000003");
  size_t compared = 0;
  for (const std::string& name : golden.names()) {
    if (!name.starts_with("param.")) continue;
    const at::Tensor expected = golden.tensor(name), mine = saved.tensors().tensor(name.substr(6));
    ASSERT_EQ(mine.scalar_type(), at::kDouble) << name;
    ASSERT_EQ(mine.sizes(), expected.sizes()) << name;
    EXPECT_LE(mine.sub(expected).abs().max().item<double>(), 1e-9 * expected.abs().max().item<double>()) << name;
    ++compared;
  }
  EXPECT_GT(compared, 20u);
}

INSTANTIATE_TEST_SUITE_P(
    Dense, Training,
    testing::Combine(testing::Values("llama", "qwen3"),
                     testing::Values(Case{"one_rank", {"parallel.dp=1"}},
                                     Case{"tp2_sp", {"parallel.tp=2", "parallel.sequence_parallel=true", "parallel.dp=1"}},
                                     Case{"pp2_dp2_zero3", {"parallel.pp=2", "parallel.dp=2", "parallel.zero=3"}})),
    [](const auto& info) { return std::string(std::get<0>(info.param)) + "_" + std::get<1>(info.param).name; });

}  // namespace
}  // namespace loongforge::verify
