// SPDX-License-Identifier: Apache-2.0
#include <ATen/ops/abs.h>
#include <ATen/ops/max.h>
#include <ATen/ops/sub.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "loongforge/core/error.h"
#include "loongforge/verify/verify.h"

namespace loongforge::verify {

namespace {

double largest(const at::Tensor& tensor) { return tensor.numel() == 0 ? 0 : tensor.abs().max().item<double>(); }

double relative(double difference, double scale) {
  if (!std::isfinite(difference)) return std::numeric_limits<double>::infinity();
  return difference == 0 ? 0 : difference / std::max(scale, std::numeric_limits<double>::min());
}

struct Kind {
  const std::map<std::string, at::Tensor>& mine;
  const std::map<std::string, at::Tensor>& reference;
  std::string where;
};

void compare_kind(const Kind& kind, const Trace& trace, std::vector<Difference>& differences) {
  double global = 0;
  for (const auto& [name, tensor] : kind.reference) global = std::max(global, largest(tensor));
  for (const auto& [name, reference] : kind.reference) {
    const auto found = kind.mine.find(name);
    LF_ASSERT(found != kind.mine.end(), "{} is missing from the layout's trace", name);
    // Below this a tensor is rounding noise around zero, which is judged against the largest tensor of its kind.
    const double own = largest(reference), scale = own > 1e-9 * global ? own : global;
    differences.push_back({name, kind.where, trace.block_of.at(name), relative(largest(found->second.sub(reference)), scale)});
  }
}

void compare_series(const std::vector<double>& mine, const std::vector<double>& reference, const std::string& what,
                    std::vector<Difference>& differences) {
  LF_ASSERT(mine.size() == reference.size(), "{}: {} steps against {}", what, mine.size(), reference.size());
  for (size_t i = 0; i < mine.size(); ++i) {
    differences.push_back({what, fmt::format("step {}", i + 1), "",
                           relative(std::abs(mine[i] - reference[i]), std::abs(reference[i]))});
  }
}

}  // namespace

std::vector<Difference> compare(const Trace& layout, const Trace& one_rank) {
  std::vector<Difference> differences;
  compare_series(layout.losses, one_rank.losses, "loss", differences);
  compare_series(layout.norms, one_rank.norms, "gradient norm", differences);
  for (size_t step = 0; step < one_rank.gradients.size(); ++step) {
    compare_kind({layout.gradients.at(step), one_rank.gradients[step], fmt::format("gradient, step {}", step + 1)},
                 one_rank, differences);
  }
  compare_kind({layout.weights, one_rank.weights, "weight"}, one_rank, differences);
  std::stable_sort(differences.begin(), differences.end(),
                   [](const Difference& a, const Difference& b) { return a.relative > b.relative; });
  return differences;
}

std::string Report::table(size_t rows) const {
  std::string text = fmt::format("verify: {}\nreduced: {}\n\n{:<58} {:<18} {:>10}\n", layout, reduction, "quantity",
                                 "where", "difference");
  for (size_t i = 0; i < std::min(rows, differences.size()); ++i) {
    const auto& d = differences[i];
    text += fmt::format("{:<58} {:<18} {:>10.2e}{}\n", d.what, d.where, d.relative, d.relative > bar ? "  <-" : "");
  }
  const auto wrong = std::count_if(differences.begin(), differences.end(),
                                   [&](const Difference& d) { return !(d.relative <= bar); });
  text += fmt::format("\n{} of {} quantities differ by more than {:.0e}", wrong, differences.size(), bar);
  if (!first_diverging_block.empty()) text += fmt::format("; first diverging block: {}", first_diverging_block);
  return text + (passed() ? "\nequal to one rank\n" : "\nNOT equal to one rank\n");
}

}  // namespace loongforge::verify
