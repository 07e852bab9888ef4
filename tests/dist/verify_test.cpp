// SPDX-License-Identifier: Apache-2.0
// Layouts as users configure them against one rank: fp64, three steps, every gradient and weight to 1e-10.
#include <gtest/gtest.h>

#include <fstream>

#include "dist/runs.h"

namespace loongforge::verify {
namespace {

Report run(std::vector<std::string> overrides) {
  return verify(configured(std::move(overrides)), train::Registry::builtin());
}

class Layouts : public testing::TestWithParam<Case> {};

TEST_P(Layouts, EqualOneRank) {
  const Report report = run(GetParam().overrides);
  EXPECT_TRUE(report.passed()) << report.table();
  EXPECT_GT(report.differences.size(), 60u);
}

INSTANTIATE_TEST_SUITE_P(
    Dense, Layouts,
    testing::Values(
        Case{"dp2_ragged", {"parallel.dp=2"}}, Case{"dp4_ragged", {"parallel.dp=4"}}, Case{"tp2", {"parallel.tp=2", "parallel.dp=1"}},
        Case{"tp2_sp", {"parallel.tp=2", "parallel.sequence_parallel=true", "parallel.dp=1"}},
        Case{"tp2_untied", {"parallel.tp=2", "parallel.dp=1", "model.config.tie_word_embeddings=false"}},
        Case{"pp2_tied", {"parallel.pp=2", "parallel.dp=1"}}, Case{"pp3", {"parallel.pp=3", "parallel.dp=1"}},
        Case{"zero1_dp3", {"parallel.zero=1", "parallel.dp=3"}}, Case{"zero2_dp3", {"parallel.zero=2", "parallel.dp=3"}},
        Case{"zero3_dp3", {"parallel.zero=3", "parallel.dp=3"}},
        Case{"tp4_padded_heads", {"parallel.tp=4", "parallel.dp=1"}},
        Case{"tp4_padded_heads_sp", {"parallel.tp=4", "parallel.sequence_parallel=true", "parallel.dp=1"}},
        Case{"tp4_untied_biased", {"parallel.tp=4", "parallel.dp=1", "model.config.tie_word_embeddings=false",
                                   "model.config.attention_bias=true"}},
        Case{"tp4_dp2_zero1", {"parallel.tp=4", "parallel.dp=2", "parallel.zero=1"}},
        Case{"tp4_zero3_dp2", {"parallel.tp=4", "parallel.dp=2", "parallel.zero=3"}},
        Case{"tp4_lora", {"model.lora={rank: 3}", "parallel.tp=4", "parallel.dp=1"}},
        Case{"tp3_two_groups", {"parallel.tp=3", "parallel.dp=1"}},
        Case{"lora_tp2", {"model.lora={rank: 3}", "parallel.tp=2", "parallel.dp=1"}},
        Case{"recompute_dp2", {"memory.recompute=full", "parallel.dp=2"}},
        Case{"tp2_pp2_dp2_zero1", {"parallel.tp=2", "parallel.pp=2", "parallel.dp=2", "parallel.zero=1"}}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(Pipeline, FewerMicrobatchesThanStages) {
  const auto registry = train::Registry::builtin();
  const auto four = [](config::RunConfig& config) { config.train.global_batch_size = 4; };
  const auto difference = worst(traced(configured({"parallel.pp=4", "parallel.dp=1"}), registry, four),
                                traced(configured({"parallel.dp=1"}), registry, four));
  EXPECT_LE(difference.relative, 1e-10) << difference.what << ", " << difference.where;
}

TEST(Ragged, RanksWithoutSamplesOfTheirOwn) {
  const auto registry = train::Registry::builtin();
  const auto two = [](config::RunConfig& config) { config.train.global_batch_size = 2; };  // one microbatch for all
  const auto difference = worst(traced(configured({"parallel.dp=4"}), registry, two),
                                traced(configured({"parallel.dp=1"}), registry, two));
  EXPECT_LE(difference.relative, 1e-10) << difference.what << ", " << difference.where;
}

config::RunConfig reduced(const char* model, std::vector<std::string> overrides, int& ranks, std::string& note) {
  config::LoadOptions options;
  const std::string run = testing::TempDir() + "lf_reduce.yaml";
  std::ofstream(run) << "defaults:\n  - model: " << model << "\n  - _self_\ndata: {train: [x]}\n";
  options.overrides = std::move(overrides);
  return reduce(config::load_run_config(run, options), train::Registry::builtin(), ranks, note);
}

TEST(Reduce, KeepsWhatDoesNotDivide) {
  int ranks = 0;
  std::string note;
  const auto config = reduced("qwen2_5_0_5b", {"parallel.tp=3", "parallel.pp=5", "parallel.dp=1"}, ranks, note);
  const Json small = config::to_json(config.model.config);
  EXPECT_EQ(ranks, 15);
  EXPECT_EQ(small["num_attention_heads"], 14);
  EXPECT_EQ(small["num_key_value_heads"], 2);
  EXPECT_EQ(small["num_hidden_layers"].get<int>() % 5, 24 % 5);
  EXPECT_GE(small["num_hidden_layers"].get<int>(), 5);
  EXPECT_EQ(small["vocab_size"].get<int>() % 3, 151936 % 3);
  EXPECT_EQ(small["intermediate_size"].get<int>() % 3, 4864 % 3);
  EXPECT_EQ(small["vocab_size"].get<int>() % 16, 151936 % 16);
  EXPECT_LT(train::load_model_spec(config, spec::Registry::builtin()).parameter_count(), 2'000'000);
}

TEST(Reduce, TakesRanksFromDataParallelismFirst) {
  int ranks = 0;
  std::string note;
  auto config = reduced("llama3_1_405b", {"parallel.tp=8", "parallel.pp=16", "parallel.dp=4"}, ranks, note);
  EXPECT_EQ(config.parallel.tp, 8);
  EXPECT_EQ(config.parallel.pp, 2);
  EXPECT_EQ(*config.parallel.dp, 2);
  EXPECT_EQ(ranks, 32);
  EXPECT_NE(note.find("dp 4 to 2"), std::string::npos) << note;
  EXPECT_NE(note.find("128 + 8 heads"), std::string::npos) << note;
}

TEST(Reduce, FrozenLayersThatAreGoneAreLeftOut) {
  int ranks = 0;
  std::string note;
  const auto config = reduced("qwen2_5_0_5b", {"model.freeze=[\"model.layers.20.*\", \"*norm*\"]"}, ranks, note);
  EXPECT_EQ(config.model.freeze, std::vector<std::string>{"*norm*"});
  EXPECT_NE(note.find("model.layers.20"), std::string::npos) << note;
}

TEST(Verify, PublishedShapesThatDoNotDivide) {
  int ranks = 0;
  std::string note;
  const auto config = reduced("qwen2_5_0_5b", {"parallel.tp=4", "parallel.dp=1"}, ranks, note);  // 14 heads in 2 groups
  const Report report = verify(config, train::Registry::builtin());
  EXPECT_TRUE(report.passed()) << report.table();
}

/// A planted mistake: gradients of one rank are not what they should be.
class Spoiler final : public nn::Block {
 public:
  explicit Spoiler(std::unique_ptr<nn::Block> inner) : inner_(std::move(inner)) {}
  step::State forward(step::State state, const step::MicroBatch& batch, step::StepContext& context) override {
    state = inner_->forward(std::move(state), batch, context);
    if (context.seams.region->rank() == 1) state.set(step::kHidden, state.get(step::kHidden).mul(1.0 + 1e-6));
    return state;
  }

 private:
  std::unique_ptr<nn::Block> inner_;
};

TEST(Verify, FindsAPlantedMistake) {
  auto registry = train::Registry::builtin();
  auto& decoder = registry.models.at("qwen3").blocks.at("decoder");
  decoder = [inner = decoder](const spec::BlockSpec& block, const spec::ModelSpec& model, const std::vector<step::Param*>& params) {
    return std::make_unique<Spoiler>(inner(block, model, params));
  };
  config::LoadOptions options;
  options.overrides = {"parallel.tp=2", "parallel.dp=1", "train.global_batch_size=0"};
  const auto report = verify(config::load_run_config(LF_SOURCE_DIR "/configs/quickstart.yaml", options), registry);
  EXPECT_FALSE(report.passed()) << report.table();
  EXPECT_FALSE(report.first_diverging_block.empty());
}

}  // namespace
}  // namespace loongforge::verify
