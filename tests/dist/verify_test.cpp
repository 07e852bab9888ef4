// SPDX-License-Identifier: Apache-2.0
// Layouts as users configure them against one rank, three steps, every gradient and weight: fp64 to 1e-10, which runs
// the references, and fp32 to 1e-5, which runs the kernels.
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

const auto kDataLayouts = testing::Values(
    Case{"dp2_ragged", {"parallel.dp=2"}},
    Case{"dp4_ragged", {"parallel.dp=4"}},
    Case{"pp2_tied", {"parallel.pp=2", "parallel.dp=1"}},
    Case{"pp3", {"parallel.pp=3", "parallel.dp=1"}},
    Case{"zero1_dp3", {"parallel.zero=1", "parallel.dp=3"}},
    Case{"zero2_dp3", {"parallel.zero=2", "parallel.dp=3"}},
    Case{"zero3_dp3", {"parallel.zero=3", "parallel.dp=3"}},
    Case{"recompute_dp2", {"memory.recompute=full", "parallel.dp=2"}});
const auto kTensorLayouts = testing::Values(
    Case{"tp2", {"parallel.tp=2", "parallel.dp=1"}},
    Case{"tp2_sp", {"parallel.tp=2", "parallel.sequence_parallel=true", "parallel.dp=1"}},
    Case{"tp2_untied", {"parallel.tp=2", "parallel.dp=1", "model.config.tie_word_embeddings=false"}},
    Case{"tp4_padded_heads", {"parallel.tp=4", "parallel.dp=1"}},
    Case{"tp4_padded_heads_sp", {"parallel.tp=4", "parallel.sequence_parallel=true", "parallel.dp=1"}},
    Case{"tp4_untied_biased", {"parallel.tp=4", "parallel.dp=1", "model.config.tie_word_embeddings=false",
                                   "model.config.attention_bias=true"}},
    Case{"tp4_dp2_zero1", {"parallel.tp=4", "parallel.dp=2", "parallel.zero=1"}},
    Case{"tp4_zero3_dp2", {"parallel.tp=4", "parallel.dp=2", "parallel.zero=3"}},
    Case{"tp4_lora", {"model.lora={rank: 3}", "parallel.tp=4", "parallel.dp=1"}},
    Case{"tp3_two_groups", {"parallel.tp=3", "parallel.dp=1"}},
    Case{"tp5_padded_heads", {"parallel.tp=5", "parallel.dp=1"}},
    Case{"tp6_padded_heads", {"parallel.tp=6", "parallel.dp=1"}},
    Case{"tp6_padded_heads_sp", {"parallel.tp=6", "parallel.sequence_parallel=true", "parallel.dp=1"}},
    Case{"lora_tp2", {"model.lora={rank: 3}", "parallel.tp=2", "parallel.dp=1"}},
    Case{"tp2_pp2_dp2_zero1", {"parallel.tp=2", "parallel.pp=2", "parallel.dp=2", "parallel.zero=1"}});
const auto kNameOfCase = [](const auto& info) { return std::string(info.param.name); };

INSTANTIATE_TEST_SUITE_P(Data, Layouts, kDataLayouts, kNameOfCase);
INSTANTIATE_TEST_SUITE_P(Tensor, Layouts, kTensorLayouts, kNameOfCase);

class KernelLayouts : public testing::TestWithParam<Case> {};

TEST_P(KernelLayouts, EqualOneRank) {
  const auto in_fp32 = [](config::RunConfig& config) { compare_in(Dtype::f32, config); };
  auto config = configured(GetParam().overrides);
  const auto layout = traced(config, with_descent(), in_fp32);
  const auto single = traced(on_one_rank(config), with_descent(), [&](config::RunConfig& one) {
    in_fp32(one);
    one.train.global_batch_size = 2 * (2 * config.parallel.dp.value() + 1);  // as reduce() makes it for the layout
  });
  ASSERT_EQ(layout.losses.size(), 3u);
  for (const auto& difference : compare(layout, single)) {
    EXPECT_LE(difference.relative, bar_in(Dtype::f32)) << difference.what << ", " << difference.where;
  }
  EXPECT_GT(gradient_error(layout, single), 0.0) << "so many sums in another order, and not a bit differs";
}

INSTANTIATE_TEST_SUITE_P(Data, KernelLayouts, kDataLayouts, kNameOfCase);
INSTANTIATE_TEST_SUITE_P(Tensor, KernelLayouts, kTensorLayouts, kNameOfCase);

class Bf16Layouts : public testing::TestWithParam<Case> {};

/// Rounding to bf16 falls otherwise where sums are cut, so the error against fp32 is compared with that of one rank.
TEST_P(Bf16Layouts, ErrNoMoreThanOneRank) {
  const auto run = [](std::vector<std::string> overrides, Dtype dtype) {
    return traced(configured(std::move(overrides)), with_descent(), [dtype](config::RunConfig& config) {
      compare_in(dtype, config);
      config.train.global_batch_size = 6;
    });
  };
  const auto exact = run({"parallel.dp=1"}, Dtype::f32);
  const double one_rank = gradient_error(run({"parallel.dp=1"}, Dtype::bf16), exact);
  const double layout = gradient_error(run(GetParam().overrides, Dtype::bf16), exact);
  EXPECT_GT(one_rank, 1e-4);
  EXPECT_LE(layout, 1.5 * one_rank);
}

INSTANTIATE_TEST_SUITE_P(
    Dense, Bf16Layouts,
    testing::Values(Case{"dp2", {"parallel.dp=2"}}, Case{"tp2", {"parallel.tp=2", "parallel.dp=1"}},
                    Case{"tp4", {"parallel.tp=4", "parallel.dp=1"}}, Case{"tp6", {"parallel.tp=6", "parallel.dp=1"}},
                    Case{"tp2_sp", {"parallel.tp=2", "parallel.sequence_parallel=true", "parallel.dp=1"}},
                    Case{"pp2", {"parallel.pp=2", "parallel.dp=1"}},
                    Case{"zero3_dp3", {"parallel.zero=3", "parallel.dp=3"}}),
    kNameOfCase);

/// Every allowed type of gradients, where parameters are bf16.
TEST(GradientTypes, FollowTheGradientsKeptInFp32) {
  const auto run = [](const char* layout, std::optional<Dtype> grad) {
    return traced(configured({layout}), with_descent(), [grad](config::RunConfig& config) {
      compare_in(Dtype::bf16, config);
      config.train.global_batch_size = 6;
      config.precision.grad = grad;
    });
  };
  const auto plain = run("parallel.dp=1", std::nullopt);
  EXPECT_LE(gradient_error(run("parallel.dp=1", Dtype::f32), plain), 0.0);
  for (const char* layout : {"parallel.dp=1", "parallel.dp=2"}) {
    EXPECT_LE(gradient_error(run(layout, Dtype::f64), plain), 1e-5) << layout;
    EXPECT_LE(gradient_error(run(layout, Dtype::bf16), plain), 1e-2) << layout;
  }
}

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
