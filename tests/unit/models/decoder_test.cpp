// SPDX-License-Identifier: Apache-2.0
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include "support/tiny_model.h"

namespace loongforge::testing {
namespace {

nlohmann::ordered_json debug(const std::string& family) { return spec::Registry::builtin().family(family).debug_config; }

TEST(LossWeights, CountLabelsAndSumWeights) {
  step::MicroBatch batch;
  batch.set("labels", {at::tensor({3, -100, 0, 7}, at::kLong), {step::AxisRole::sequence}, "text"});
  EXPECT_EQ(models::lm_loss_weights(batch).at("lm"), 3);
  batch.set("label_weights", {at::tensor({0.5, 9.0, 1.0, 0.25}, at::kDouble), {step::AxisRole::sequence}, "text"});
  EXPECT_EQ(models::lm_loss_weights(batch).at("lm"), 1.75);
}

TEST(Factories, EveryBuiltinFamilyHasAForward) {
  for (const std::string& name : spec::Registry::builtin().names()) EXPECT_TRUE(models::builtin_factories().contains(name)) << name;
}

TEST(Decoder, EveryParameterContributesOncePerUse) {
  for (const std::string family : {"llama", "qwen2", "qwen3"}) {
    TinyModel model(debug(family), at::kDouble);
    model.step(make_batch(at::tensor({1, 2, 3, 4, 5, 6}, at::kLong).view({2, 3})), 0.25);
    std::map<std::string, int> uses;
    for (const auto& block : model.spec().blocks) {
      for (const auto& param : block.params) ++uses[param.name];
    }
    for (const auto& [name, count] : uses) EXPECT_EQ(model.storage(name).contributions, count) << family << " " << name;
  }
}

TEST(Decoder, LogitRowsAreThoseOfTheWhole) {
  TinyModel model(debug("qwen3"), at::kDouble);
  for (const auto* param : model.spec().distinct_params()) {
    at::Tensor weight = model.storage(param->name).weight();
    weight.copy_(at::arange(weight.numel(), weight.options()).mul(0.37).sin().mul(0.2).view(weight.sizes()));
  }
  step::MicroBatch batch = make_batch(at::tensor({1, 2, 3, 4, 5, 6}, at::kLong).view({2, 3}));
  const at::Tensor whole = model.logits(batch);
  batch.set("logit_rows", {at::tensor({2, 5}, at::kLong), {step::AxisRole::none}, ""});
  const at::Tensor some = model.logits(batch);
  EXPECT_EQ(some.size(0), 2);
  EXPECT_LE(some.sub(whole.index_select(0, at::tensor({2, 5}, at::kLong))).abs().max().item<double>(), 1e-12);
}

}  // namespace
}  // namespace loongforge::testing
