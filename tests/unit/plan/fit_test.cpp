// SPDX-License-Identifier: Apache-2.0
#include "loongforge/plan/fit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loongforge/config/model.h"
#include "loongforge/core/error.h"

namespace loongforge::plan {
namespace {

using testing::HasSubstr;

config::RunConfig run(std::vector<std::string> overrides, int world) {
  config::LoadOptions options;
  options.overrides = {"model=qwen3_0_6b", "precision.dtype=bf16"};
  options.overrides.insert(options.overrides.end(), overrides.begin(), overrides.end());
  options.world_size = world;
  return config::load_run_config(LF_SOURCE_DIR "/configs/quickstart.yaml", options);
}

ParameterFit fit(const config::RunConfig& config, int world, int local, uint64_t available = 0) {
  return parameter_fit(config, config::load_model_spec(config, spec::Registry::builtin()), world, local, available);
}

constexpr double kElements = 596'049'920;  // Qwen3 0.6B, tied

TEST(ParameterFit, OneRankInBf16HasSixteenBytesAParameter) {
  const auto one = fit(run({}, 1), 1, 1);
  ASSERT_EQ(one.stages.size(), 1u);
  EXPECT_DOUBLE_EQ(one.needed, kElements * (2 + 4 + 4 + 8));
  EXPECT_TRUE(one.fits());
}

TEST(ParameterFit, ZeroSharesOut) {
  const auto two = fit(run({"parallel.zero=2", "train.global_batch_size=8"}, 2), 2, 2);
  EXPECT_NEAR(two.needed, kElements * (2 * 2 + 4 + 4 + 8), 1e4);
}

TEST(ParameterFit, FrozenAndLoraHaveWeightsOnly) {
  EXPECT_DOUBLE_EQ(fit(run({"model.lora.rank=8"}, 1), 1, 1).needed, kElements * 2);
  const auto frozen = fit(run({"model.freeze=[\"model.layers.*\"]"}, 1), 1, 1);
  EXPECT_LT(frozen.needed, kElements * 2 + 151936.0 * 1024 * 16.5);
}

TEST(ParameterFit, StagesAreToldApartAndTheLargestCount) {
  const auto config = run({"parallel.pp=2", "train.global_batch_size=8"}, 4);
  const auto all = fit(config, 4, 4), half = fit(config, 4, 2);
  ASSERT_EQ(all.stages.size(), 2u);
  EXPECT_DOUBLE_EQ(half.needed, 2 * std::max(all.stages[0].total(), all.stages[1].total()));
  EXPECT_DOUBLE_EQ(all.needed, 2 * (all.stages[0].total() + all.stages[1].total()));
  EXPECT_THAT(fit_table(all), HasSubstr("stage 1"));
}

TEST(ParameterFit, WhatDoesNotFitIsRefusedWithWhatHelps) {
  const auto config = run({"precision.dtype=fp32"}, 1);
  const auto tight = fit(config, 1, 1, uint64_t{1} << 30);
  EXPECT_FALSE(tight.fits());
  EXPECT_THAT(fit_table(tight), HasSubstr("it does not fit"));
  EXPECT_THAT(fit_line(tight), HasSubstr("1.00 GiB free"));
  try {
    require_fit(tight, config);
    FAIL() << "no error";
  } catch (const ResourceError& error) {
    EXPECT_THAT(error.what(), HasSubstr("1 local rank need"));
    EXPECT_THAT(error.hint(), HasSubstr("precision.dtype=bf16"));
    EXPECT_THAT(error.hint(), HasSubstr("memory.check=warn"));
  }
  EXPECT_NO_THROW(require_fit(fit(config, 1, 1, uint64_t{1} << 40), config));
}

}  // namespace
}  // namespace loongforge::plan
