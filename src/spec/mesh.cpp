// SPDX-License-Identifier: Apache-2.0
#include "loongforge/spec/mesh.h"

#include <algorithm>

#include "loongforge/core/error.h"

namespace loongforge::spec {
namespace {

constexpr std::array<std::string_view, kAxes> kNames = {"tp", "cp", "ep", "etp", "dp", "pp"};

// The four levels of a rank order, fastest first; a level that has no Axis (edp) carries its name only.
struct Level {
  int axis;
  int size;
};
constexpr int kEdp = -1;
using Order = std::array<Level, 4>;

constexpr int id(Axis axis) { return static_cast<int>(axis); }

Order dense_order(const MeshSizes& s) {
  return {Level{id(Axis::tp), s.tp}, Level{id(Axis::cp), s.cp}, Level{id(Axis::dp), s.dp}, Level{id(Axis::pp), s.pp}};
}

Order expert_order(const MeshSizes& s) {
  return {Level{id(Axis::etp), s.etp}, Level{id(Axis::ep), s.ep}, Level{kEdp, s.edp()}, Level{id(Axis::pp), s.pp}};
}

bool is_expert_axis(Axis axis) { return axis == Axis::ep || axis == Axis::etp; }

// Enumerates the offsets of the levels chosen by `wanted`, fastest first.
template <class Wanted>
std::vector<int> offsets(const Order& order, Wanted wanted) {
  std::vector<int> result{0};
  int stride = 1;
  for (const Level& level : order) {
    if (wanted(level)) {
      const size_t inner = result.size();
      for (int i = 1; i < level.size; ++i) {
        for (size_t j = 0; j < inner; ++j) result.push_back(result[j] + i * stride);
      }
    }
    stride *= level.size;
  }
  return result;
}

struct Selection {
  Order order;
  std::vector<int> axes;
  bool operator()(const Level& level) const { return std::find(axes.begin(), axes.end(), level.axis) != axes.end(); }
};

Selection select(const MeshSizes& sizes, std::span<const Axis> axes) {
  const bool expert = std::any_of(axes.begin(), axes.end(), is_expert_axis);
  Selection selection{expert ? expert_order(sizes) : dense_order(sizes), {}};
  for (Axis axis : axes) {
    LF_ASSERT(!expert || is_expert_axis(axis) || axis == Axis::pp, "axis {} is not of the expert mesh",
              axis_name(axis));
    selection.axes.push_back(id(axis));
  }
  return selection;
}

std::vector<std::vector<int>> groups(const Selection& selection) {
  const std::vector<int> members = offsets(selection.order, selection);
  std::vector<std::vector<int>> result;
  for (int base : offsets(selection.order, [&](const Level& level) { return !selection(level); })) {
    std::vector<int>& group = result.emplace_back(members);
    for (int& rank : group) rank += base;
  }
  return result;
}

std::vector<int> group_of(const Selection& selection, int rank) {
  int base = 0, stride = 1;
  for (const Level& level : selection.order) {
    if (!selection(level)) base += rank / stride % level.size * stride;
    stride *= level.size;
  }
  std::vector<int> members = offsets(selection.order, selection);
  for (int& member : members) member += base;
  return members;
}

}  // namespace

std::string_view axis_name(Axis axis) { return kNames.at(static_cast<size_t>(axis)); }

Mesh::Mesh(MeshSizes sizes, int rank) : sizes_(sizes), rank_(rank) {
  for (int i = 0; i < kAxes; ++i) {
    const Axis axis = static_cast<Axis>(i);
    if (size(axis) < 1) {
      throw ConfigError(fmt::format("parallel.{} is {}", axis_name(axis), size(axis)),
                        "sizes of parallel axes are at least 1");
    }
  }
  const int stage = sizes.tp * sizes.cp * sizes.dp, expert = sizes.etp * sizes.ep;
  if (stage % expert != 0) {
    throw ConfigError(fmt::format("etp × ep = {} × {} does not divide tp × cp × dp = {} × {} × {}", sizes.etp, sizes.ep,
                                  sizes.tp, sizes.cp, sizes.dp),
                      "choose parallel.ep and parallel.etp so that their product divides the ranks of a stage");
  }
  LF_ASSERT(rank >= 0 && rank < world(), "rank {} of {}", rank, world());
}

int Mesh::size(Axis axis) const {
  switch (axis) {
    case Axis::tp: return sizes_.tp;
    case Axis::cp: return sizes_.cp;
    case Axis::ep: return sizes_.ep;
    case Axis::etp: return sizes_.etp;
    case Axis::dp: return sizes_.dp;
    case Axis::pp: return sizes_.pp;
  }
  LF_ASSERT(false, "axis {}", static_cast<int>(axis));
  return 1;
}

int Mesh::index(Axis axis, int rank) const {
  LF_ASSERT(rank >= 0 && rank < world(), "rank {} of {}", rank, world());
  int stride = 1;
  for (const Level& level : is_expert_axis(axis) ? expert_order(sizes_) : dense_order(sizes_)) {
    if (level.axis == id(axis)) return rank / stride % level.size;
    stride *= level.size;
  }
  LF_ASSERT(false, "axis {}", static_cast<int>(axis));
  return 0;
}

std::vector<int> Mesh::group(std::span<const Axis> axes) const { return group_of(select(sizes_, axes), rank_); }

std::vector<std::vector<int>> Mesh::all_groups(std::span<const Axis> axes) const {
  return groups(select(sizes_, axes));
}

std::vector<int> Mesh::expert_data_group() const { return group_of({expert_order(sizes_), {kEdp}}, rank_); }

std::vector<std::vector<int>> Mesh::all_expert_data_groups() const { return groups({expert_order(sizes_), {kEdp}}); }

std::string Mesh::describe() const {
  std::string text;
  for (Axis axis : {Axis::tp, Axis::cp, Axis::ep, Axis::etp, Axis::pp, Axis::dp}) {
    if (size(axis) > 1) text += fmt::format("{}{} {}", text.empty() ? "" : " × ", axis_name(axis), size(axis));
  }
  return text.empty() ? "one rank" : text;
}

}  // namespace loongforge::spec
