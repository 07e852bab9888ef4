// SPDX-License-Identifier: Apache-2.0
#include "loongforge/parallel/param_store.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "loongforge/core/error.h"
#include "unit/parallel/fixtures.h"

namespace loongforge::parallel {
namespace {

constexpr int64_t kHeadDim = 2, kWidth = 6;

// Query, key, value rows of 2 groups with 3 query heads each, as a family fuses them; pieces by group.
spec::ParamSpec fused_heads() {
  spec::ParamSpec param = spec::plain_param("heads.weight", {2 * 5 * kHeadDim, kWidth}, spec::ModuleKind::qkv, spec::init::Normal{1.0});
  param.pieces.clear();
  for (int64_t group = 0; group < 2; ++group) {
    const auto piece = [&](const char* name, int64_t to, int64_t rows) {
      spec::Piece result{.hf_name = name, .hf_shape = {2 * rows, kWidth}};
      result.src_box = {{group * rows, 0}, {rows, kWidth}};
      result.dst_box = {{group * 5 * kHeadDim + to, 0}, {rows, kWidth}};
      param.pieces.push_back(result);
    };
    piece("q.weight", 0, 3 * kHeadDim);
    piece("k.weight", 3 * kHeadDim, kHeadDim);
    piece("v.weight", 4 * kHeadDim, kHeadDim);
  }
  param.shards = {{.axis = spec::Axis::tp, .dim = 0, .unit = 5 * kHeadDim, .parts = 3, .shared = 2 * kHeadDim,
                   .on_too_few = spec::TooFew::replicate}};
  param.input_region = spec::InputRegion::head_shard;
  return param;
}

spec::ModelSpec small_model() {
  spec::ModelSpec model;
  spec::BlockSpec first{.name = "first", .kind = "first"}, second{.name = "second", .kind = "second"};
  spec::ParamSpec table = spec::plain_param("table", {259, kWidth}, spec::ModuleKind::embedding, spec::init::Normal{1.0});
  table.shards = {{.axis = spec::Axis::tp, .dim = 0, .pad_to = 4}};
  spec::ParamSpec norm = spec::plain_param("norm", {kWidth}, spec::ModuleKind::norm, spec::init::Ones{});
  norm.input_region = spec::InputRegion::head_shard;
  spec::ParamSpec swapped = spec::plain_param("swapped", {4, 3}, spec::ModuleKind::other, spec::init::Uniform{-1, 1});
  swapped.pieces[0].hf_shape = swapped.pieces[0].view_shape = {3, 4};
  swapped.pieces[0].view_perm = {1, 0};
  first.params = {table, norm};
  second.params = {fused_heads(), swapped, table};
  model.blocks = {first, second};
  return model;
}

std::map<std::string, at::Tensor> initial(const spec::MeshSizes& sizes, int zero, Dtype compute = Dtype::f64) {
  const spec::ModelSpec model = small_model();
  Whole whole;
  on_mesh(sizes, [&](const RankSetup& rank) {
    const std::vector<int> owner = sizes.pp == 2 ? std::vector{0, 1} : std::vector{0, 0};
    ParamStore store(model, owner, rank.mesh, rank.groups, {.compute = compute, .zero = zero, .bucket_bytes = 4000});
    store.initialise(5);
    whole.add(store.placed({"master"}));
  });
  return whole.tensors_;
}

TEST(ParamStore, InitialValuesDoNotDependOnTheLayout) {
  const auto want = initial({}, 0);
  ASSERT_EQ(want.size(), 4u);
  for (const auto& [name, value] : want) EXPECT_FALSE(value.isnan().any().item<bool>()) << name;
  for (const auto& [sizes, zero] : std::vector<std::pair<spec::MeshSizes, int>>{
           {{.tp = 2}, 0}, {{.tp = 4}, 0}, {{.dp = 3}, 1}, {{.dp = 3}, 3}, {{.tp = 4, .dp = 2}, 2}, {{.tp = 2, .dp = 2, .pp = 2}, 3}}) {
    const auto got = initial(sizes, zero);
    for (const auto& [name, value] : want) {
      EXPECT_TRUE(got.at(name).equal(value)) << name << " on tp " << sizes.tp << " dp " << sizes.dp << " pp " << sizes.pp;
    }
  }
}

TEST(ParamStore, InitialValuesFollowThePieces) {
  const spec::ModelSpec model = small_model();
  const auto values = initial({}, 0);
  const spec::ParamSpec& heads = model.blocks[1].params[0];
  for (int64_t row = 0; row < 2; ++row) {  // the second group's first value rows
    const double want = spec::init_value(heads.init, 5, "v.weight", {2 * kHeadDim, kWidth}, static_cast<uint64_t>((kHeadDim + row) * kWidth + 4));
    EXPECT_EQ(values.at("heads.weight")[5 * kHeadDim + 4 * kHeadDim + row][4].item<double>(), want);
  }
  const spec::ParamSpec& swapped = model.blocks[1].params[1];
  EXPECT_EQ(values.at("swapped")[3][1].item<double>(), spec::init_value(swapped.init, 5, "swapped", {3, 4}, 1 * 4 + 3));
}

TEST(ParamStore, OneParamForEachName) {
  const spec::ModelSpec model = small_model();
  on_mesh({}, [&](const RankSetup& rank) {
    ParamStore store(model, {0, 0}, rank.mesh, rank.groups, {});
    EXPECT_EQ(store.params().size(), 4u);
    EXPECT_EQ(store.params_of(0)[0], store.params_of(1)[2]);
    EXPECT_EQ(store.find("table")->uses(), 2);
    EXPECT_EQ(store.find("norm")->uses(), 1);
    EXPECT_EQ(store.find("nothing"), nullptr);
    EXPECT_TRUE(store.shards()[0].master.is_alias_of(store.shards()[0].weight));
    EXPECT_EQ(store.bytes().masters, 0);
  });
}

// Every rank contributes the same gradient, an element's own number; what must come out is known.
TEST(ParamStore, CompletesGradientsOverSharers) {
  const spec::ModelSpec model = small_model();
  for (int zero : {0, 1, 2, 3}) {
    Whole whole;
    on_mesh({.tp = 4, .dp = 2}, [&](const RankSetup& rank) {
      ParamStore store(model, {0, 0}, rank.mesh, rank.groups, {.compute = Dtype::f64, .zero = zero});
      store.initialise(1);
      store.begin_step(1);
      for (int block : {0, 1}) {
        store.hooks()->before_backward(block);
        for (step::Param* param : store.params_of(block)) {
          param->main_grad().add_(1.0);
          param->contributed();
        }
        store.hooks()->after_backward(block);
      }
      store.finish_gradients();
      whole.add(store.placed({"grad"}));
      const double norm = store.gradient_norm().item<double>();
      // heads: q rows 2 (dp), k and v rows 4 (dp × 2 sharers); table 2 uses × dp; norm tp × dp; swapped dp.
      const double squares = 12 * kWidth * 4 + 8 * kWidth * 16 + 259 * kWidth * 16 + kWidth * 64 + 12 * 4;
      EXPECT_NEAR(norm * norm, squares, 1e-9) << "zero " << zero;
    });
    EXPECT_TRUE(whole.tensors_.at("table").eq(4).all().item<bool>());
    EXPECT_TRUE(whole.tensors_.at("norm").eq(8).all().item<bool>());
    EXPECT_TRUE(whole.tensors_.at("swapped").eq(2).all().item<bool>());
    const at::Tensor heads = whole.tensors_.at("heads.weight").view({2, 5 * kHeadDim, kWidth});
    EXPECT_TRUE(heads.narrow(1, 0, 3 * kHeadDim).eq(2).all().item<bool>());
    EXPECT_TRUE(heads.narrow(1, 3 * kHeadDim, 2 * kHeadDim).eq(4).all().item<bool>());
  }
}

TEST(ParamStore, TiesOfTheSameStagesMayBeListedInAnyOrder) {
  spec::ModelSpec model;
  const auto weight = [](const char* name) { return spec::plain_param(name, {3, 5}, spec::ModuleKind::other, spec::init::Zeros{}); };
  model.blocks = {{.name = "first", .kind = "first"}, {.name = "second", .kind = "second"}};
  model.blocks[0].params = {weight("left"), weight("right")};
  model.blocks[1].params = {weight("right"), weight("left")};
  Whole whole;
  on_mesh({.pp = 2}, [&](const RankSetup& rank) {
    ParamStore store(model, {0, 1}, rank.mesh, rank.groups, {.compute = Dtype::f64});
    store.begin_step(1);
    for (step::Param* param : store.params()) {
      param->main_grad().add_(param->name() == "left" ? 1.0 : 10.0);
      param->contributed();
    }
    store.finish_gradients();
    whole.add(store.placed({"grad"}));
  });
  EXPECT_TRUE(whole.tensors_.at("left").eq(2).all().item<bool>());
  EXPECT_TRUE(whole.tensors_.at("right").eq(20).all().item<bool>());
}

TEST(ParamStore, PaddingGetsNoGradient) {
  const spec::ModelSpec model = small_model();
  on_mesh({.tp = 4}, [&](const RankSetup& rank) {
    ParamStore store(model, {0, 0}, rank.mesh, rank.groups, {.compute = Dtype::f64});
    store.begin_step(1);
    for (step::Param* param : store.params()) param->main_grad().fill_(1.0);
    store.finish_gradients();
    for (step::Param* param : store.params()) {
      int64_t covered = 0;
      for (const auto& map : param->layout().boxes) covered += map.local.numel();
      EXPECT_EQ(param->main_grad().count_nonzero().item<int64_t>(), covered) << param->name();
    }
    const bool last = rank.groups.tp.rank() == 3;
    EXPECT_EQ(store.find("table")->layout().padded(), last);
  });
}

TEST(ParamStore, RefreshCastsAndGathersMasters) {
  const spec::ModelSpec model = small_model();
  for (int zero : {0, 1, 3}) {
    on_mesh({.dp = 3}, [&](const RankSetup& rank) {
      ParamStore store(model, {0, 0}, rank.mesh, rank.groups, {.compute = Dtype::bf16, .zero = zero});
      for (const comm::PlacedBox& box : store.placed({"master"})) {
        EXPECT_EQ(box.data.scalar_type(), at::kFloat);
        box.data.fill_(1.00390625);  // halfway between two bf16 numbers: rounds to even
      }
      store.refresh_weights();
      store.hooks()->before_forward(0);
      EXPECT_EQ(store.find("table")->weight().scalar_type(), at::kBFloat16);
      EXPECT_TRUE(store.find("table")->weight().eq(1.0).all().item<bool>());
      store.hooks()->after_forward(0);
    });
  }
}

TEST(ParamStore, ShardedWeightsLiveOnlyAroundTheirBlock) {
  const spec::ModelSpec model = small_model();
  on_mesh({.dp = 2}, [&](const RankSetup& rank) {
    ParamStore store(model, {0, 0}, rank.mesh, rank.groups, {.zero = 3, .overlap = false});
    store.initialise(3);
    EXPECT_THROW(store.find("swapped")->weight(), std::logic_error);
    store.hooks()->before_forward(1);
    EXPECT_EQ(store.find("swapped")->weight().sizes(), (std::vector<int64_t>{4, 3}));
    store.hooks()->after_forward(1);
    EXPECT_THROW(store.find("swapped")->weight(), std::logic_error);
  });
}

TEST(ParamStore, MasterAndMomentsAreSharded) {
  const spec::ModelSpec model = small_model();
  on_mesh({.dp = 3}, [&](const RankSetup& rank) {
    ParamStore replicated(model, {0, 0}, rank.mesh, rank.groups, {.compute = Dtype::bf16});
    ParamStore sharded(model, {0, 0}, rank.mesh, rank.groups, {.compute = Dtype::bf16, .zero = 1});
    ParamStore fully(model, {0, 0}, rank.mesh, rank.groups, {.compute = Dtype::bf16, .zero = 3});
    EXPECT_NEAR(static_cast<double>(replicated.bytes().masters) / sharded.bytes().masters, 3.0, 0.5);
    EXPECT_EQ(replicated.bytes().weights, sharded.bytes().weights);
    EXPECT_LT(fully.bytes().weights * 2, sharded.bytes().weights);
    EXPECT_LT(fully.bytes().gradients * 2, replicated.bytes().gradients);
  });
}

TEST(ParamStore, CatchesTooManyContributions) {
  const spec::ModelSpec model = small_model();
  on_mesh({}, [&](const RankSetup& rank) {
    ParamStore store(model, {0, 0}, rank.mesh, rank.groups, {.overlap = false});
    store.begin_step(1);
    for (int i = 0; i < 10; ++i) store.find("norm")->contributed();
    EXPECT_THROW(store.finish_gradients(), std::logic_error);
  });
}

TEST(ParamStore, RefusesUnknownZeroLevels) {
  const spec::ModelSpec model = small_model();
  on_mesh({}, [&](const RankSetup& rank) {
    EXPECT_THROW(ParamStore(model, {0, 0}, rank.mesh, rank.groups, {.zero = 4}), ConfigError);
  });
}

}  // namespace
}  // namespace loongforge::parallel
