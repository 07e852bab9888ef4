// SPDX-License-Identifier: Apache-2.0
#include "loongforge/parallel/freeze.h"

#include <gtest/gtest.h>

#include "loongforge/core/error.h"

namespace loongforge::parallel {
namespace {

spec::ModelSpec model() {
  spec::ModelSpec model;
  spec::BlockSpec block;
  block.params.push_back(spec::plain_param("layers.0.norm.weight", {4}, spec::ModuleKind::norm, spec::init::Ones{}));
  block.params.push_back(spec::plain_param("layers.1.norm.weight", {4}, spec::ModuleKind::norm, spec::init::Ones{}));
  spec::ParamSpec fused = spec::plain_param("gate.weight", {4, 2}, spec::ModuleKind::mlp_in, spec::init::Ones{});
  fused.pieces.push_back(fused.pieces[0]);
  fused.pieces[1].hf_name = "up.weight";
  block.params.push_back(fused);
  spec::ParamSpec tied = spec::plain_param("embed.weight", {4, 2}, spec::ModuleKind::embedding, spec::init::Ones{});
  tied.pieces[0].copies = {"head.weight"};
  block.params.push_back(tied);
  model.blocks = {block};
  return model;
}

bool frozen(const spec::ModelSpec& model, int index) { return model.blocks[0].params[index].update == spec::Update::frozen; }

TEST(Freeze, SelectsAndKeeps) {
  spec::ModelSpec m = model();
  EXPECT_EQ(freeze_parameters(m, {"*"}, {"layers.1.*"}), 3);
  EXPECT_TRUE(frozen(m, 0));
  EXPECT_FALSE(frozen(m, 1));
  EXPECT_TRUE(frozen(m, 2));
}

TEST(Freeze, ACopyStandsForItsValues) {
  spec::ModelSpec m = model();
  EXPECT_EQ(freeze_parameters(m, {"head.weight"}), 1);
  EXPECT_TRUE(frozen(m, 3));
}

TEST(Freeze, RefusesMisspeltAndPartialPatterns) {
  spec::ModelSpec m = model();
  EXPECT_THROW(freeze_parameters(m, {"layer.*"}), ConfigError);
  EXPECT_THROW(freeze_parameters(m, {"up.weight"}), ConfigError);
  EXPECT_EQ(freeze_parameters(m, {"up.weight", "gate.weight"}), 1);
}

}  // namespace
}  // namespace loongforge::parallel
