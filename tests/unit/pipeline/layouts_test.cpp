// SPDX-License-Identifier: Apache-2.0
// Every layout gives the numbers of one rank.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "unit/pipeline/toy_run.h"

namespace loongforge {
namespace {

constexpr double kTolerance = 1e-12;

const toy::Outcome& one_rank() {
  static const toy::Outcome outcome = toy::run_toy({}, {});
  return outcome;
}

struct ZeroCase {
  int zero, dp;
  bool overlap;
};

class Zero : public ::testing::TestWithParam<ZeroCase> {};

TEST_P(Zero, EqualsOneRank) {
  const auto [zero, dp, overlap] = GetParam();
  toy::Layout layout;
  layout.mesh.dp = dp;
  layout.zero = zero;
  layout.overlap = overlap;
  toy::expect_equal(toy::run_toy({}, layout), one_rank(), kTolerance);
}

std::vector<ZeroCase> zero_cases() {
  std::vector<ZeroCase> cases;
  for (int zero : {0, 1, 2, 3}) {
    for (int dp : {1, 2, 3}) {
      for (bool overlap : {false, true}) cases.push_back({zero, dp, overlap});
    }
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Layouts, Zero, ::testing::ValuesIn(zero_cases()), [](const auto& info) {
  return fmt::format("zero{}_dp{}_{}", info.param.zero, info.param.dp, info.param.overlap ? "overlap" : "plain");
});

TEST(OneRank, LearnsAndClips) {
  EXPECT_LT(one_rank().losses.back(), one_rank().losses.front());
  EXPECT_GT(one_rank().norms.front(), toy::Task{}.max_norm);
  for (const auto& [name, grad] : one_rank().first_grads) EXPECT_FALSE(grad.isnan().any().item<bool>()) << name;
}

TEST(Layouts, TensorParallel) {
  for (int tp : {2, 4}) {
    for (bool sequence : {false, true}) {
      SCOPED_TRACE(fmt::format("tp {} sp {}", tp, sequence));
      toy::Layout layout;
      layout.mesh.tp = tp;
      layout.sequence_parallel = sequence;
      toy::expect_equal(toy::run_toy({}, layout), one_rank(), kTolerance);
    }
  }
}

TEST(Layouts, PipelineWithTiedEnds) {
  for (int pp : {2, 4}) {
    toy::Layout layout;
    layout.mesh.pp = pp;
    toy::expect_equal(toy::run_toy({}, layout), one_rank(), kTolerance);
  }
}

TEST(Layouts, PipelineWithFewerMicrobatchesThanStages) {
  toy::Task task;
  task.microbatches = 2;
  toy::Layout layout;
  layout.mesh.pp = 4;
  toy::expect_equal(toy::run_toy(task, layout), toy::run_toy(task, {}), kTolerance);
}

TEST(Layouts, SeveralStagesPerRank) {
  for (int pp : {1, 2}) {
    toy::Layout layout;
    layout.mesh.pp = pp;
    layout.virtual_stages = 2;
    toy::expect_equal(toy::run_toy({}, layout), one_rank(), kTolerance);
  }
}

TEST(Layouts, AllAxesTogether) {
  for (int zero : {1, 3}) {
    toy::Layout layout;
    layout.mesh = {.tp = 2, .dp = 2, .pp = 2};
    layout.zero = zero;
    layout.sequence_parallel = true;
    toy::expect_equal(toy::run_toy({}, layout), one_rank(), kTolerance);
  }
}

TEST(Layouts, HoldUnderDelaysAndRendezvousSends) {
  for (auto mode : {comm::ThreadMode::rendezvous_send, comm::ThreadMode::random_delay}) {
    toy::Layout layout;
    layout.mesh = {.tp = 1, .dp = 2, .pp = 3};
    layout.zero = 3;
    layout.mode = mode;
    toy::expect_equal(toy::run_toy({}, layout), one_rank(), kTolerance);
  }
}

TEST(Layouts, FrozenParametersStay) {
  toy::Task task;
  task.frozen = {"layer.1.up.weight", "layer.0.scale"};
  const toy::Outcome want = toy::run_toy(task, {});
  for (int zero : {1, 3}) {
    toy::Layout layout;
    layout.mesh.dp = 2;
    layout.zero = zero;
    toy::expect_equal(toy::run_toy(task, layout), want, kTolerance);
  }
  toy::Task untrained = task;
  untrained.steps = 0;
  const toy::Outcome start = toy::run_toy(untrained, {});
  EXPECT_TRUE(start.params.at("layer.0.scale").equal(want.params.at("layer.0.scale")));
  EXPECT_FALSE(start.params.at("layer.1.scale").equal(want.params.at("layer.1.scale")));
}

TEST(Recompute, IsBitwiseEqual) {
  for (auto mode : {pipeline::RecomputeMode::full, pipeline::RecomputeMode::selective}) {
    toy::Layout layout;
    layout.recompute.mode = mode;
    layout.recompute.every = 2;
    const toy::Outcome got = toy::run_toy({}, layout);
    for (const auto& [name, value] : one_rank().params) EXPECT_TRUE(got.params.at(name).equal(value)) << name;
  }
}

TEST(Recompute, WorksWithShardedWeights) {
  toy::Layout layout;
  layout.mesh.dp = 3;
  layout.zero = 3;
  layout.recompute.mode = pipeline::RecomputeMode::full;
  toy::expect_equal(toy::run_toy({}, layout), one_rank(), kTolerance);
}

TEST(MixedPrecision, MastersKeepWhatWeightsRound) {
  toy::Layout layout;
  layout.compute = Dtype::bf16;
  const toy::Outcome one = toy::run_toy({}, layout);
  EXPECT_LT(one.losses.back(), one.losses.front());
  layout.mesh.dp = 2;
  for (int zero : {1, 3}) {
    layout.zero = zero;
    const toy::Outcome got = toy::run_toy({}, layout);
    for (size_t i = 0; i < got.losses.size(); ++i) EXPECT_NEAR(got.losses[i], one.losses[i], 1e-2 * one.losses[i]);
  }
}

}  // namespace
}  // namespace loongforge
