// SPDX-License-Identifier: Apache-2.0
// Mesh: which rank holds which coordinate of the parallel axes (systems §1). An immutable value; no communication.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace loongforge::spec {

/// tp tensor, cp context, ep expert, etp expert-tensor, dp data, pp pipeline.
enum class Axis : uint8_t { tp, cp, ep, etp, dp, pp };
inline constexpr int kAxes = 6;
std::string_view axis_name(Axis axis);

/// Sizes of the axes; `edp` (replicas of an expert) follows: tp·cp·dp / (etp·ep).
struct MeshSizes {
  int tp = 1, cp = 1, ep = 1, etp = 1, dp = 1, pp = 1;
  int world() const { return tp * cp * dp * pp; }
  /// Replicas of an expert.
  int edp() const { return tp * cp * dp / (etp * ep); }
};

/// Dense order: r = tp + TP·(cp + CP·(dp + DP·pp)). Expert order over the same ranks: etp, ep, edp, pp.
class Mesh {
 public:
  /// Throws ConfigError when etp·ep does not divide tp·cp·dp or a size is < 1.
  Mesh(MeshSizes sizes, int rank);

  const MeshSizes& sizes() const { return sizes_; }
  int world() const { return sizes_.world(); }
  int rank() const { return rank_; }
  int size(Axis axis) const;
  /// Coordinate of `rank` (default: this rank) on `axis`.
  int index(Axis axis) const { return index(axis, rank_); }
  int index(Axis axis, int rank) const;

  /// The ranks whose coordinates differ from this rank's only on `axes` (all dense or all of {ep, etp, pp}),
  /// in increasing order of the fastest-first enumeration of `axes`.
  std::vector<int> group(std::span<const Axis> axes) const;
  std::vector<int> group(std::initializer_list<Axis> axes) const { return group(std::span(axes.begin(), axes.size())); }
  /// All groups of that kind, in the one order in which every rank creates them.
  std::vector<std::vector<int>> all_groups(std::span<const Axis> axes) const;

  /// The ranks that hold replicas of this rank's experts (the edp axis), and all such groups in creation order.
  std::vector<int> expert_data_group() const;
  std::vector<std::vector<int>> all_expert_data_groups() const;

  /// The same mesh seen from another rank.
  Mesh at(int rank) const { return Mesh(sizes_, rank); }
  std::string describe() const;  // "tp 2 × pp 2 × dp 2"

 private:
  MeshSizes sizes_;
  int rank_;
};

}  // namespace loongforge::spec
