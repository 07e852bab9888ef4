// SPDX-License-Identifier: Apache-2.0
#include "loongforge/schedule/generators.h"

#include <algorithm>

#include "loongforge/core/error.h"

namespace loongforge::schedule {
namespace {

struct Step {
  int mb, chunk;
};

// The order in which a device meets (microbatch, chunk): by groups of p microbatches, each group through all chunks.
// The last group is whole here: a shorter one would let a device wait for a chunk whose turn comes later elsewhere.
std::vector<Step> interleaved_order(int p, int v, int m) {
  std::vector<Step> order;
  for (int first = 0; first < m; first += p) {
    for (int chunk = 0; chunk < v; ++chunk) {
      for (int mb = first; mb < first + p; ++mb) order.push_back({mb, chunk});
    }
  }
  return order;
}

void check(int p, int v, int m) { LF_ASSERT(p >= 1 && v >= 1 && m >= 1, "p {} v {} m {}", p, v, m); }

std::vector<Op> zb_h1_device(int p, int m, int s) {
  std::vector<Op> ops;
  const int warm_up = std::min(m, p - s - 1);
  int pending = 0;  // first microbatch whose weight gradient is due
  for (int i = 0; i < warm_up; ++i) ops.push_back({OpKind::F, s, i});
  for (int i = 0; i < m; ++i) {
    const bool steady = warm_up + i < m;
    if (steady) ops.push_back({OpKind::F, s, warm_up + i});
    ops.push_back({OpKind::B, s, i});
    if (steady ? i >= s : pending <= i) ops.push_back({OpKind::W, s, pending++});
  }
  while (pending < m) ops.push_back({OpKind::W, s, pending++});
  return ops;
}

}  // namespace

std::string op_name(const Op& op) {
  constexpr const char* kNames[] = {"F", "B", "W", "BW"};
  return fmt::format("{}{}.{}", kNames[static_cast<int>(op.kind)], op.mb, op.vs);
}

Schedule one_f_one_b(int p, int m) { return interleaved(p, 1, m); }

Schedule interleaved(int p, int v, int m) {
  check(p, v, m);
  const std::vector<Step> order = interleaved_order(p, v, m);
  const int total = static_cast<int>(order.size());
  Schedule schedule;
  for (int s = 0; s < p; ++s) {
    const int ahead = v == 1 ? p - s - 1 : 2 * (p - s - 1) + (v - 1) * p;
    const int warm_up = std::min(total, ahead);
    std::vector<Op>& ops = schedule.emplace_back();
    const auto emit = [&](OpKind kind, int chunk, int mb) {
      if (mb < m) ops.push_back({kind, chunk * p + s, mb});
    };
    for (int q = 0; q < warm_up; ++q) emit(OpKind::F, order[q].chunk, order[q].mb);
    for (int q = 0; q < total; ++q) {
      if (q + warm_up < total) emit(OpKind::F, order[q + warm_up].chunk, order[q + warm_up].mb);
      emit(OpKind::BW, v - 1 - order[q].chunk, order[q].mb);
    }
  }
  return schedule;
}

Schedule zb_h1(int p, int m) {
  check(p, 1, m);
  Schedule schedule;
  for (int s = 0; s < p; ++s) schedule.push_back(zb_h1_device(p, m, s));
  return schedule;
}

}  // namespace loongforge::schedule
