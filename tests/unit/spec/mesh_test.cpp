// SPDX-License-Identifier: Apache-2.0
#include "loongforge/spec/mesh.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "loongforge/core/error.h"

namespace loongforge::spec {
namespace {

constexpr MeshSizes kSixteen{.tp = 2, .cp = 2, .ep = 4, .etp = 1, .dp = 2, .pp = 2};
using Group = std::vector<int>;
using Groups = std::vector<Group>;

TEST(Mesh, EnumeratesDenseGroupsOfSixteenRanks) {
  Mesh mesh(kSixteen, 0);
  EXPECT_EQ(mesh.world(), 16);
  EXPECT_EQ(mesh.group({Axis::tp}), (Group{0, 1}));
  EXPECT_EQ(mesh.group({Axis::cp}), (Group{0, 2}));
  EXPECT_EQ(mesh.group({Axis::dp}), (Group{0, 4}));
  EXPECT_EQ(mesh.group({Axis::pp}), (Group{0, 8}));
  EXPECT_EQ(mesh.group({Axis::dp, Axis::cp}), (Group{0, 2, 4, 6}));
  EXPECT_EQ(mesh.at(13).group({Axis::tp, Axis::pp}), (Group{4, 5, 12, 13}));
  EXPECT_EQ(mesh.at(13).group(std::span<const Axis>{}), (Group{13}));
  const Axis tp[] = {Axis::tp};
  EXPECT_EQ(mesh.all_groups(tp), (Groups{{0, 1}, {2, 3}, {4, 5}, {6, 7}, {8, 9}, {10, 11}, {12, 13}, {14, 15}}));
}

TEST(Mesh, EnumeratesExpertGroupsOfSixteenRanks) {
  Mesh mesh(kSixteen, 0);
  EXPECT_EQ(mesh.sizes().edp(), 2);
  EXPECT_EQ(mesh.group({Axis::ep}), (Group{0, 1, 2, 3}));
  EXPECT_EQ(mesh.at(6).group({Axis::ep}), (Group{4, 5, 6, 7}));
  EXPECT_EQ(mesh.expert_data_group(), (Group{0, 4}));
  EXPECT_EQ(mesh.at(14).expert_data_group(), (Group{10, 14}));
  EXPECT_EQ(mesh.all_expert_data_groups().size(), 8u);
  EXPECT_EQ(mesh.at(9).group({Axis::ep, Axis::etp, Axis::pp}), (Group{0, 1, 2, 3, 8, 9, 10, 11}));
}

TEST(Mesh, CoordinatesFollowTheTwoRankOrders) {
  Mesh mesh({.tp = 2, .cp = 1, .ep = 2, .etp = 2, .dp = 4, .pp = 3}, 0);
  for (int rank = 0; rank < mesh.world(); ++rank) {
    Mesh m = mesh.at(rank);
    EXPECT_EQ(m.index(Axis::tp) + 2 * (m.index(Axis::cp) + m.index(Axis::dp) + 4 * m.index(Axis::pp)), rank);
    const int edp = rank % 8 / 4;
    EXPECT_EQ(m.index(Axis::etp) + 2 * (m.index(Axis::ep) + 2 * (edp + 2 * m.index(Axis::pp))), rank);
  }
}

// Whatever the axes, the groups partition the world, are sorted, and every rank's own group is one of them.
TEST(Mesh, GroupsPartitionTheWorld) {
  const std::vector<std::vector<Axis>> kinds = {{},
                                                {Axis::tp},
                                                {Axis::cp, Axis::dp},
                                                {Axis::tp, Axis::pp},
                                                {Axis::ep},
                                                {Axis::etp, Axis::ep},
                                                {Axis::pp},
                                                {Axis::tp, Axis::cp, Axis::dp, Axis::pp}};
  for (MeshSizes sizes : {MeshSizes{3, 1, 2, 3, 2, 2}, MeshSizes{2, 3, 3, 1, 5, 1}, MeshSizes{}, kSixteen}) {
    Mesh mesh(sizes, 0);
    for (const auto& axes : kinds) {
      std::set<int> seen;
      for (const Group& group : mesh.all_groups(axes)) {
        EXPECT_TRUE(std::is_sorted(group.begin(), group.end()));
        seen.insert(group.begin(), group.end());
        for (int rank : group) EXPECT_EQ(mesh.at(rank).group(axes), group);
      }
      EXPECT_EQ(seen.size(), static_cast<size_t>(mesh.world()));
    }
  }
}

TEST(Mesh, RefusesWhatCannotBe) {
  EXPECT_THROW(Mesh({.tp = 2, .ep = 4}, 0), ConfigError);
  EXPECT_THROW(Mesh({.dp = 0}, 0), ConfigError);
  EXPECT_THROW(Mesh({.dp = 2}, 2), std::logic_error);
  EXPECT_THROW(Mesh(kSixteen, 0).group({Axis::tp, Axis::ep}), std::logic_error);
}

TEST(Mesh, DescribesItself) {
  EXPECT_EQ(Mesh({.tp = 2, .dp = 3, .pp = 4}, 0).describe(), "tp 2 × pp 4 × dp 3");
  EXPECT_EQ(Mesh({}, 0).describe(), "one rank");
}

}  // namespace
}  // namespace loongforge::spec
