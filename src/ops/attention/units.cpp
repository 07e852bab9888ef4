// SPDX-License-Identifier: Apache-2.0
#include "ops/attention/units.h"

#include <algorithm>
#include <numeric>

namespace loongforge::ops {
namespace {

using cpu::AttentionPart;
using cpu::AttentionUnit;

struct Costed {
  AttentionUnit unit;
  double cost;  ///< cells of the score matrix, times products
};

/// Cells that `queries` rows from `begin` see in a document of so many queries and keys, up to what the window hides.
double cells(const cpu::AttentionArgs& args, int64_t queries, int64_t keys, int64_t begin, int64_t end) {
  const double rows = static_cast<double>(end - begin);
  if (!args.causal) return rows * static_cast<double>(keys);
  const double middle = static_cast<double>(begin + end) / 2 + static_cast<double>(keys - queries);
  const double seen = std::max(0.0, middle);
  return rows * (args.window > 0 ? std::min(seen, static_cast<double>(args.window)) : seen);
}

std::vector<AttentionUnit> longest_first(std::vector<Costed> costed) {
  std::stable_sort(costed.begin(), costed.end(), [](const Costed& a, const Costed& b) { return a.cost > b.cost; });
  std::vector<AttentionUnit> units;
  units.reserve(costed.size());
  for (const Costed& c : costed) units.push_back(c.unit);
  return units;
}

/// Time until all threads are done when each takes the longest unit left.
double makespan(std::vector<Costed> costed, int threads) {
  std::stable_sort(costed.begin(), costed.end(), [](const Costed& a, const Costed& b) { return a.cost > b.cost; });
  std::vector<double> busy(static_cast<size_t>(threads), 0.0);
  for (const Costed& c : costed) *std::min_element(busy.begin(), busy.end()) += c.cost;
  return *std::max_element(busy.begin(), busy.end());
}

/// Units of every document and group by `divide(document, group, queries, keys, out)`.
template <class Divide>
std::vector<Costed> of_documents(const cpu::AttentionArgs& args, const DocumentBorders& borders, Divide divide) {
  std::vector<Costed> units;
  for (size_t i = 0; i + 1 < borders.q.size(); ++i) {
    const int64_t queries = borders.q[i + 1] - borders.q[i], keys = borders.k[i + 1] - borders.k[i];
    for (int64_t group = 0; group < args.groups; ++group) divide(static_cast<int64_t>(i), group, queries, keys, units);
  }
  return units;
}

std::vector<Costed> whole_backward(const cpu::AttentionArgs& args, const DocumentBorders& borders) {
  return of_documents(args, borders, [&](int64_t document, int64_t group, int64_t queries, int64_t keys, auto& units) {
    if (queries == 0 && keys == 0) return;
    units.push_back({{document, group, 0, std::max(queries, keys), AttentionPart::all},
                     5 * cells(args, queries, keys, 0, queries)});
  });
}

std::vector<Costed> divided_backward(const cpu::AttentionArgs& args, const DocumentBorders& borders) {
  constexpr int64_t kRows = 2 * cpu::kAttentionBlock;
  return of_documents(args, borders, [&](int64_t document, int64_t group, int64_t queries, int64_t keys, auto& units) {
    for (int64_t begin = 0; begin < queries; begin += kRows) {
      const int64_t end = std::min(queries, begin + kRows);
      units.push_back(
          {{document, group, begin, end, AttentionPart::queries}, 3 * cells(args, queries, keys, begin, end)});
    }
    for (int64_t begin = 0; begin < keys; begin += kRows) {
      const int64_t end = std::min(keys, begin + kRows);
      // Keys are seen from behind as queries see from before: the last keys by the fewest queries.
      units.push_back({{document, group, begin, end, AttentionPart::keys_values},
                       4 * cells(args, keys, queries, keys - end, keys - begin)});
    }
  });
}

}  // namespace

std::vector<AttentionUnit> forward_units(const cpu::AttentionArgs& args, const DocumentBorders& borders, int threads) {
  constexpr int64_t kMostRows = 4 * cpu::kAttentionBlock;  // keys are packed once a unit
  const int64_t rows = borders.q.back() * args.groups;
  const int64_t wanted = rows / std::max<int64_t>(1, 4 * threads) / cpu::kAttentionBlock * cpu::kAttentionBlock;
  const int64_t step = std::clamp(wanted, cpu::kAttentionBlock, kMostRows);
  return longest_first(
      of_documents(args, borders, [&](int64_t document, int64_t group, int64_t queries, int64_t keys, auto& units) {
        for (int64_t begin = 0; begin < queries; begin += step) {
          const int64_t end = std::min(queries, begin + step);
          units.push_back({{document, group, begin, end, AttentionPart::all}, cells(args, queries, keys, begin, end)});
        }
      }));
}

std::vector<AttentionUnit> backward_units(const cpu::AttentionArgs& args, const DocumentBorders& borders, int threads,
                                          Division division) {
  std::vector<Costed> whole = whole_backward(args, borders);
  if (division == Division::whole || (division == Division::automatic && threads == 1))
    return longest_first(std::move(whole));
  std::vector<Costed> divided = divided_backward(args, borders);
  if (division == Division::divided) return longest_first(std::move(divided));
  return longest_first(makespan(divided, threads) < makespan(whole, threads) ? std::move(divided) : std::move(whole));
}

}  // namespace loongforge::ops
