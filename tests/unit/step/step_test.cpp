// SPDX-License-Identifier: Apache-2.0
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include "loongforge/step/context.h"
#include "loongforge/step/function.h"
#include "loongforge/step/state.h"
#include "support/test_param.h"

namespace loongforge::testing {
namespace {

TEST(Param, LeafDrainsIntoMainGradAndCounts) {
  TestParam param(at::ones({3}));
  for (int pass = 0; pass < 2; ++pass) {
    const at::Tensor leaf = param.param.leaf();
    leaf.mul(2).sum().backward();
    EXPECT_FALSE(leaf.grad().defined());
  }
  EXPECT_TRUE(param.grad().equal(at::ones({3}).mul(4)));
  EXPECT_EQ(param.storage.contributions, 2);
}

TEST(Record, RunsTheBackwardOnceWithSavedValues) {
  const at::Tensor x = at::ones({2}).mul(3).set_requires_grad(true);
  at::Tensor y;
  {
    step::NoRecord no_record;
    y = x.square();
  }
  y = step::record("square", {x}, y, {x}, [](const step::Tensors& grads, const step::Tensors& saved) {
    EXPECT_FALSE(step::recording());
    return step::Tensors{grads[0].mul(saved[0]).mul(2)};
  });
  y.sum().backward();
  EXPECT_TRUE(x.grad().equal(at::ones({2}).mul(6)));
  EXPECT_ANY_THROW(y.sum().backward());
}

TEST(Record, ServesHandlesThoughNoInputWantsGradient) {
  int runs = 0;
  const at::Tensor y = step::record("handle", {}, at::ones({1}), {}, [&](const step::Tensors&, const step::Tensors&) {
    ++runs;
    return step::Tensors{};
  });
  EXPECT_TRUE(y.requires_grad());
  y.backward();
  EXPECT_EQ(runs, 1);
}

TEST(State, KeepsTheOrderOfInsertion) {
  step::State state;
  state.set("b", at::ones({1}));
  state.set("a", at::ones({2}), /*differentiable=*/false);
  state.set("b", at::ones({3}));
  ASSERT_EQ(state.entries().size(), 2u);
  EXPECT_EQ(state.entries()[0].name, "b");
  EXPECT_EQ(state.get("b").size(0), 3);
  EXPECT_FALSE(state.entries()[1].differentiable);
  EXPECT_EQ(state.take("b").size(0), 3);
  EXPECT_FALSE(state.has("b"));
  EXPECT_THROW(state.get("b"), std::logic_error);
}

TEST(StepContext, UnknownLossTermIsAProgrammerError) {
  step::StepContext context;
  context.seeds["lm"] = 0.5;
  EXPECT_EQ(context.seed("lm"), 0.5);
  EXPECT_THROW(context.seed("other"), std::logic_error);
}

}  // namespace
}  // namespace loongforge::testing
