// SPDX-License-Identifier: Apache-2.0
// Layouts as users configure them against one rank: fp64, three steps, every gradient and weight to 1e-10.
#include <gtest/gtest.h>

#include "loongforge/config/run_config.h"
#include "loongforge/verify/verify.h"

namespace loongforge::verify {
namespace {

struct Case {
  const char* name;
  std::vector<std::string> overrides;
};

void PrintTo(const Case& layout, std::ostream* out) { *out << layout.name; }

Report run(std::vector<std::string> overrides) {
  config::LoadOptions options;
  options.overrides = {"model.config.num_hidden_layers=3", "model.config.hidden_size=48", "model.config.vocab_size=259",
                       "model.config.intermediate_size=80", "model.config.num_attention_heads=6", "model.config.head_dim=8",
                       "train.global_batch_size=0"};
  options.overrides.insert(options.overrides.end(), overrides.begin(), overrides.end());
  return verify(config::load_run_config(LF_SOURCE_DIR "/configs/quickstart.yaml", options), train::Registry::builtin());
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
        Case{"lora_tp2", {"model.lora={rank: 3}", "parallel.tp=2", "parallel.dp=1"}},
        Case{"recompute_dp2", {"memory.recompute=full", "parallel.dp=2"}},
        Case{"tp2_pp2_dp2_zero1", {"parallel.tp=2", "parallel.pp=2", "parallel.dp=2", "parallel.zero=1"}}),
    [](const auto& info) { return std::string(info.param.name); });

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
