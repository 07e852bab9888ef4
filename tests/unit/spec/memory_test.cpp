// SPDX-License-Identifier: Apache-2.0
#include "loongforge/spec/memory.h"

#include <gtest/gtest.h>

namespace loongforge::spec {
namespace {

BlockSpec block(std::string name, std::vector<ParamSpec> params) {
  BlockSpec spec;
  spec.name = std::move(name);
  spec.params = std::move(params);
  return spec;
}

ParamSpec vector_param(const std::string& name, int64_t elements) {
  return plain_param(name, {elements}, ModuleKind::other, init::Ones{});
}

// The table of systems §5 with n = dp × cp, per parameter.
TEST(Memory, BytesPerParameterByZeroStage) {
  const std::vector<BlockSpec> blocks = {block("a", {vector_param("x", 1000)}), block("b", {vector_param("y", 1000)})};
  const Mesh mesh({.cp = 2, .dp = 4}, 3);
  const double n = 8;
  const auto each = [&](MemoryPolicy policy) { return parameter_memory(blocks, mesh, policy).total() / 2000; };
  EXPECT_DOUBLE_EQ(each({.zero = 0}), 18);
  EXPECT_DOUBLE_EQ(each({.zero = 1}), 6 + 12 / n);
  EXPECT_DOUBLE_EQ(each({.grad = Dtype::bf16, .zero = 1}), 4 + 12 / n);
  EXPECT_DOUBLE_EQ(each({.moment = Dtype::bf16, .zero = 1}), 6 + 8 / n);
  EXPECT_DOUBLE_EQ(each({.zero = 2}), 2 + 16 / n);
  EXPECT_DOUBLE_EQ(each({.zero = 3}), 18 / n + 2);  // both blocks are gathered
  EXPECT_DOUBLE_EQ(each({.param = Dtype::f32, .zero = 0}), 4 + 4 + 8);
}

TEST(Memory, GathersTheTwoLargestBlocks) {
  const std::vector<BlockSpec> blocks = {block("a", {vector_param("x", 30)}), block("b", {vector_param("y", 10)}),
                                         block("c", {vector_param("z", 20)})};
  EXPECT_EQ(parameter_memory(blocks, Mesh({.dp = 2}, 0), {.zero = 3}).gathered, 2 * 50);
  EXPECT_EQ(parameter_memory(blocks, Mesh({.dp = 1}, 0), {.zero = 3}).gathered, 0);
}

TEST(Memory, ExpertsAreShardedOverTheirReplicas) {
  ParamSpec expert = plain_param("e", {4, 8}, ModuleKind::expert, init::Ones{});
  expert.shards = {{.axis = Axis::ep, .dim = 0}};
  const std::vector<BlockSpec> blocks = {block("a", {expert})};
  const ParameterMemory memory = parameter_memory(blocks, Mesh({.ep = 2, .dp = 4}, 0), {.zero = 1});
  EXPECT_EQ(memory.elements, 16);
  EXPECT_DOUBLE_EQ(memory.optimizer, 16 * 8.0 / 2);
}

TEST(Memory, FrozenAndTiedParameters) {
  ParamSpec frozen = vector_param("f", 10);
  frozen.update = Update::frozen;
  const std::vector<BlockSpec> blocks = {block("a", {frozen, vector_param("t", 5)}),
                                         block("b", {vector_param("t", 5)})};
  const ParameterMemory memory = parameter_memory(blocks, Mesh({}, 0), {});
  EXPECT_EQ(memory.elements, 15);
  EXPECT_EQ(memory.weights, 30);
  EXPECT_EQ(memory.gradients, 20);
  EXPECT_EQ(memory.masters, 20);
}

// Cut over tp the shards of a rank sum to its share, vocabulary padding and replicated norms included.
TEST(Memory, TensorParallelShareOfAModel) {
  const Registry registry = Registry::builtin();
  const ModelSpec model = registry.parse(registry.family("llama").debug_config);
  const ParameterMemory one = parameter_memory(model.blocks, Mesh({}, 0), {});
  EXPECT_EQ(one.elements, model.parameter_count());
  const ParameterMemory half = parameter_memory(model.blocks, Mesh({.tp = 2}, 0), {});
  const int64_t norms = 5 * 64;
  EXPECT_EQ(half.elements, (model.parameter_count() - norms) / 2 + norms);
  EXPECT_EQ(memory_table_header().size(), memory_table_row("rank 0", half).size());
}

}  // namespace
}  // namespace loongforge::spec
