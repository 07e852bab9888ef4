// SPDX-License-Identifier: Apache-2.0
// A model of the user's own: a decoder whose embedding injects a State entry into later blocks and whose blocks carry a
// second stream, under layouts; and recomputation, bit for bit.
#include <ATen/ops/add.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/tanh.h>
#include <gtest/gtest.h>

#include "dist/runs.h"

namespace loongforge::verify {
namespace {

constexpr std::string_view kInjected = "injected", kStream = "stream";

/// Around a decoder's block: its last parameter is ours, of the hidden size.
class Streams final : public nn::Block {
 public:
  Streams(std::unique_ptr<nn::Block> inner, const step::Param& weight, const spec::BlockSpec& block)
      : inner_(std::move(inner)), weight_(weight), kind_(block.kind), layer_(block.layer) {}

  step::State forward(step::State state, const step::MicroBatch& batch, step::StepContext& context) override {
    const auto weight = weight_.leaf();
    if (kind_ == "embedding") {
      state = inner_->forward(std::move(state), batch, context);
      state.set(kInjected, state.get(step::kHidden).mul(weight));
      state.set(kStream, state.get(step::kHidden).tanh());
      return state;
    }
    if (kind_ == "head") {
      const auto stream = state.take(kStream);
      state.set(step::kHidden, state.get(step::kHidden).add(stream.mul(weight)));
      return inner_->forward(std::move(state), batch, context);
    }
    state = inner_->forward(std::move(state), batch, context);
    state.set(kStream, state.get(kStream).mul(weight).tanh().add(state.get(step::kHidden)));
    if (layer_ == 1) {
      const auto injected = state.take(kInjected);
      state.set(step::kHidden, state.get(step::kHidden).add(injected));
    }
    return state;
  }

 private:
  std::unique_ptr<nn::Block> inner_;
  const step::Param& weight_;
  std::string kind_;
  int64_t layer_;
};

spec::StateEntry like_hidden(const spec::ModelSpec& model, std::string_view name) {
  auto entry = model.blocks.front().outputs.front();
  entry.name = std::string(name);
  return entry;
}

/// Ours in place of the family qwen3, so that configurations name it as usual.
train::Registry with_streams(spec::InputRegion region = spec::InputRegion::seq_shard) {
  auto registry = train::Registry::builtin();
  auto family = spec::Registry::builtin().family("qwen3");
  family.parse = [parse = family.parse, region](const Json& config) {
    auto model = parse(config);
    const auto injected = like_hidden(model, kInjected), stream = like_hidden(model, kStream);
    const auto width = std::get<int64_t>(injected.extents.back());
    for (auto& block : model.blocks) {
      auto weight = spec::plain_param(block.name + ".mix", {width}, spec::ModuleKind::other, spec::init::Normal{0.5});
      weight.input_region = region;
      weight.component = block.component;
      block.params.push_back(weight);
      const bool first = block.kind == "embedding", last = block.kind == "head";
      if (!first) block.inputs.push_back(stream);
      if (!last) block.outputs.push_back(stream);
      if (block.layer == 0 || block.layer == 1) block.inputs.push_back(injected);
      if (first || block.layer == 0) block.outputs.push_back(injected);
    }
    return model;
  };
  registry.families = spec::Registry();
  registry.families.add(family);
  for (auto& [kind, factory] : registry.models.at("qwen3").blocks) {
    factory = [inner = factory](const spec::BlockSpec& block, const spec::ModelSpec& model,
                                const std::vector<step::Param*>& params) {
      return std::make_unique<Streams>(inner(block, model, params), *params.back(), block);
    };
  }
  return registry;
}

class StreamLayouts : public testing::TestWithParam<Case> {};

TEST_P(StreamLayouts, EqualOneRank) {
  const Report report = verify(configured(GetParam().overrides), with_streams());
  EXPECT_TRUE(report.passed()) << report.table();
}

INSTANTIATE_TEST_SUITE_P(
    Own, StreamLayouts,
    testing::Values(Case{"tp2", {"parallel.tp=2", "parallel.dp=1"}},
                    Case{"tp2_sp", {"parallel.tp=2", "parallel.sequence_parallel=true", "parallel.dp=1"}},
                    Case{"pp2", {"parallel.pp=2", "parallel.dp=1"}}, Case{"dp2", {"parallel.dp=2"}},
                    Case{"pp5_a_stage_each_block", {"parallel.pp=5", "parallel.dp=1"}},
                    Case{"zero3_dp2", {"parallel.zero=3", "parallel.dp=2"}},
                    Case{"recompute_pp2", {"memory.recompute=full", "parallel.pp=2", "parallel.dp=1"}}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(StreamsVerify, AWrongRegionIsFound) {
  const auto config = configured({"parallel.tp=2", "parallel.sequence_parallel=true", "parallel.dp=1"});
  const Report report = verify(config, with_streams(spec::InputRegion::replicated));
  EXPECT_FALSE(report.passed()) << report.table();
  EXPECT_FALSE(report.first_diverging_block.empty());
}

TEST(StreamsRecompute, IsBitwiseTheSame) {
  const auto plain = traced(configured({"parallel.dp=1"}), with_streams());
  for (const char* mode : {"full", "selective"}) {
    const auto again = traced(configured({"parallel.dp=1", std::string("memory.recompute=") + mode}), with_streams());
    EXPECT_EQ(again.losses, plain.losses) << mode;
    ASSERT_EQ(again.weights.size(), plain.weights.size());
    for (const auto& [name, weight] : plain.weights) EXPECT_TRUE(at::equal(again.weights.at(name), weight)) << name;
  }
}

}  // namespace
}  // namespace loongforge::verify
