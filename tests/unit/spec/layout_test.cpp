// SPDX-License-Identifier: Apache-2.0
// Where the elements of a logical tensor lie on the ranks.
#include <gtest/gtest.h>

#include "loongforge/core/error.h"
#include "loongforge/core/rng.h"
#include "loongforge/spec/param_spec.h"

namespace loongforge::spec {
namespace {

ParamSpec sharded(Shape shape, std::vector<Shard> shards) {
  ParamSpec spec = plain_param("w", std::move(shape), ModuleKind::other, init::Ones{});
  spec.shards = std::move(shards);
  return spec;
}

Mesh tp_mesh(int tp, int rank) { return Mesh({.tp = tp}, rank); }

// Adds `by` to the elements of a box of a row-major tensor.
void paint(const Shape& shape, const Box& box, std::vector<int>& counts, int by) {
  for (int64_t i = 0; i < box.numel(); ++i) {
    int64_t rest = i, offset = 0, stride = 1;
    for (size_t d = shape.size(); d-- > 0;) {
      offset += (box.start[d] + rest % box.size[d]) * stride;
      rest /= box.size[d];
      stride *= shape[d];
    }
    counts.at(static_cast<size_t>(offset)) += by;
  }
}

// Covers of the logical tensor by all ranks, and checks that local boxes are disjoint and inside the local shape.
std::vector<int> coverage(const ParamSpec& spec, MeshSizes sizes) {
  std::vector<int> covers(static_cast<size_t>(numel(spec.logical_shape)));
  const Shape first = local_layout(spec, Mesh(sizes, 0)).shape;
  for (int rank = 0; rank < sizes.world(); ++rank) {
    LocalLayout layout = local_layout(spec, Mesh(sizes, rank));
    EXPECT_EQ(layout.shape, first);
    std::vector<int> local(static_cast<size_t>(numel(layout.shape)));
    for (const BoxMap& map : layout.boxes) {
      EXPECT_EQ(map.local.size, map.logical.size);
      paint(spec.logical_shape, map.logical, covers, 1);
      paint(layout.shape, map.local, local, 1);
    }
    for (int count : local) EXPECT_LE(count, 1);
    EXPECT_EQ(layout.padded(), std::count(local.begin(), local.end(), 0) > 0);
  }
  return covers;
}

TEST(Layout, FusedQkvOfSixHeadsInTwoGroupsOverFourRanks) {
  const int64_t d = 8, h = 5;
  const ParamSpec qkv =
      sharded({2 * 5 * d, h}, {{.unit = 5 * d, .parts = 3, .shared = 2 * d, .on_too_few = TooFew::replicate}});
  const std::vector<std::vector<std::pair<int64_t, int64_t>>> rows = {{{0, 2 * d}, {3 * d, 2 * d}},
                                                                      {{2 * d, d}, {3 * d, 2 * d}},
                                                                      {{5 * d, 2 * d}, {8 * d, 2 * d}},
                                                                      {{7 * d, d}, {8 * d, 2 * d}}};
  for (int rank = 0; rank < 4; ++rank) {
    LocalLayout layout = local_layout(qkv, tp_mesh(4, rank));
    EXPECT_EQ(layout.shape, (Shape{4 * d, h}));
    EXPECT_EQ(layout.shared_ranks, 2);
    ASSERT_EQ(layout.shared_boxes.size(), 1u);
    EXPECT_EQ(layout.shared_boxes[0], (Box{{2 * d, 0}, {2 * d, h}}));
    EXPECT_EQ(layout.padded(), rank % 2 == 1);
    // Rank 1 of a group holds the last head alone: k and v then are not next to it in the local rows.
    const auto& want = rows[static_cast<size_t>(rank)];
    ASSERT_EQ(layout.boxes.size(), want.size());
    for (size_t i = 0; i < want.size(); ++i) {
      EXPECT_EQ(layout.boxes[i].logical, (Box{{want[i].first, 0}, {want[i].second, h}}));
      EXPECT_EQ(layout.boxes[i].local.start[0], i == 0 ? 0 : 2 * d);
    }
  }
  EXPECT_EQ(tp_reduction(qkv, tp_mesh(4, 0), false), TpReduction::sum_shared);
  EXPECT_EQ(tp_reduction(qkv, tp_mesh(2, 0), true), TpReduction::none);
}

TEST(Layout, OutputProjectionOfTheSameHeads) {
  const int64_t d = 8;
  const ParamSpec o = sharded({5, 6 * d}, {{.dim = 1, .unit = 3 * d, .parts = 3, .on_too_few = TooFew::replicate}});
  LocalLayout last = local_layout(o, tp_mesh(4, 3));
  EXPECT_EQ(last.shape, (Shape{5, 2 * d}));
  ASSERT_EQ(last.boxes.size(), 1u);
  EXPECT_EQ(last.boxes[0].logical, (Box{{0, 5 * d}, {5, d}}));
  EXPECT_EQ(last.shared_ranks, 1);
  EXPECT_EQ(tp_reduction(o, tp_mesh(4, 3), true), TpReduction::none);
}

TEST(Layout, VocabularyIsPaddedToWholeTilesOnEveryRank) {
  const ParamSpec v = sharded({259, 3}, {{.pad_to = 128}});
  EXPECT_EQ(local_layout(v, tp_mesh(2, 0)).shape, (Shape{256, 3}));
  EXPECT_EQ(local_layout(v, tp_mesh(2, 1)).boxes[0].logical, (Box{{256, 0}, {3, 3}}));
  EXPECT_EQ(local_layout(v, tp_mesh(4, 0)).shape, (Shape{128, 3}));
  EXPECT_TRUE(local_layout(v, tp_mesh(4, 3)).boxes.empty());
  EXPECT_EQ(local_layout(v, tp_mesh(1, 0)).shape, (Shape{259, 3}));
}

TEST(Layout, TooFewUnitsIsTheUsersError) {
  const ParamSpec spec = sharded({3, 4}, {{}});
  try {
    local_layout(spec, tp_mesh(4, 0));
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_NE(std::string(error.what()).find("w: 3 units"), std::string::npos) << error.what();
    EXPECT_NE(error.hint().find("at most 3"), std::string::npos);
  }
}

// Random units, parts, shared rows and axis sizes: everything is covered once, shared rows once by each rank that
// shares.
TEST(Layout, RandomShardsCoverTheTensor) {
  const RngKey key = rng_key(11, {});
  uint64_t draw = 0;
  const auto pick = [&](uint64_t low, uint64_t high) {
    return static_cast<int64_t>(low + uniform_int(key, draw++, high - low + 1));
  };
  for (int round = 0; round < 300; ++round) {
    const int64_t parts = pick(1, 5), part = pick(1, 3), shared = pick(0, 1) * pick(1, 4), units = pick(1, 9);
    const int tp = static_cast<int>(pick(1, 12)), dim = static_cast<int>(pick(0, 1));
    Shard shard{
        .dim = dim, .unit = parts * part + shared, .parts = parts, .shared = shared, .on_too_few = TooFew::replicate};
    if (units >= tp) shard.pad_to = pick(1, 6);
    const int64_t other = pick(1, 3);
    const Shape shape = dim == 0 ? Shape{units * shard.unit, other} : Shape{other, units * shard.unit};
    const ParamSpec spec = sharded(shape, {shard});
    const std::vector<int> covers = coverage(spec, {.tp = tp});
    const ShardSplit split = shard_split(shard, units * shard.unit, tp);
    EXPECT_EQ(tp % split.ranks_per_unit, 0);
    for (size_t i = 0; i < covers.size(); ++i) {
      const auto row =
          static_cast<int64_t>(dim == 0 ? i / static_cast<size_t>(other) : i % static_cast<size_t>(units * shard.unit));
      const bool is_shared = row % shard.unit >= parts * part;
      ASSERT_EQ(covers[i], is_shared ? split.ranks_per_unit : 1)
          << "row " << row << " of " << units << " units over " << tp;
    }
  }
}

TEST(Layout, TwoAxesCutTwoDimensions) {
  const MeshSizes sizes{.tp = 2, .ep = 2, .etp = 3, .dp = 3};
  const ParamSpec spec = sharded({5, 7, 2}, {{.axis = Axis::ep, .dim = 0}, {.axis = Axis::etp, .dim = 1}});
  for (int count : coverage(spec, sizes)) EXPECT_EQ(count, 1);
  EXPECT_EQ(local_layout(spec, Mesh(sizes, 5)).shape, (Shape{3, 3, 2}));
}

TEST(Layout, ReductionFollowsTheInputRegion) {
  ParamSpec spec = sharded({4}, {});
  const auto reduction = [&](InputRegion region, bool sp, int tp = 2) {
    spec.input_region = region;
    return tp_reduction(spec, tp_mesh(tp, 0), sp);
  };
  EXPECT_EQ(reduction(InputRegion::seq_shard, true), TpReduction::sum);
  EXPECT_EQ(reduction(InputRegion::seq_shard, false), TpReduction::none);
  EXPECT_EQ(reduction(InputRegion::head_shard, false), TpReduction::sum);
  EXPECT_EQ(reduction(InputRegion::replicated, true), TpReduction::none);
  EXPECT_EQ(reduction(InputRegion::head_shard, true, 1), TpReduction::none);
}

// Every range of a small tensor is covered exactly, in order, by few boxes.
TEST(Layout, RangesAreBoxes) {
  for (const Shape& shape : {Shape{}, Shape{7}, Shape{3, 4}, Shape{2, 3, 4}, Shape{3, 1, 5}, Shape{1, 1, 1, 2}}) {
    const int64_t n = numel(shape);
    for (int64_t begin = 0; begin <= n; ++begin) {
      for (int64_t end = begin; end <= n; ++end) {
        std::vector<int> counts(static_cast<size_t>(n));
        const std::vector<Box> boxes = boxes_of_range(shape, begin, end);
        for (const Box& box : boxes) paint(shape, box, counts, 1);
        for (int64_t i = 0; i < n; ++i) ASSERT_EQ(counts[static_cast<size_t>(i)], i >= begin && i < end);
        EXPECT_LE(boxes.size(), std::max<size_t>(1, 2 * shape.size()));
      }
    }
  }
  EXPECT_TRUE(boxes_of_range({0, 3}, 0, 0).empty());
}

TEST(Layout, BoxesIntersect) {
  EXPECT_EQ(intersect({{0, 2}, {4, 4}}, {{3, 0}, {4, 3}}), (Box{{3, 2}, {1, 1}}));
  EXPECT_EQ(intersect({{0}, {2}}, {{2}, {2}}), std::nullopt);
}

}  // namespace
}  // namespace loongforge::spec
