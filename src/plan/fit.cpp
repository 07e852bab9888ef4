// SPDX-License-Identifier: Apache-2.0
#include "loongforge/plan/fit.h"

#include <algorithm>
#include <numeric>

#include "loongforge/core/error.h"
#include "loongforge/core/text.h"
#include "loongforge/spec/mesh.h"
#include "loongforge/spec/placement.h"

namespace loongforge::plan {
namespace {

spec::Mesh mesh_of(const config::ParallelSection& p, int world) {
  spec::MeshSizes sizes{
      static_cast<int>(p.tp), static_cast<int>(p.cp), static_cast<int>(p.ep), static_cast<int>(p.etp), 1,
      static_cast<int>(p.pp)};
  sizes.dp = static_cast<int>(p.dp.value_or(std::max(1, world / (sizes.tp * sizes.cp * sizes.pp))));
  return spec::Mesh(sizes, 0);
}

bool is_frozen(const spec::ParamSpec& param, const config::ModelSection& model) {
  if (model.lora) return true;
  const auto matches = [&](const std::string& name) {
    return std::any_of(model.freeze.begin(), model.freeze.end(), [&](const auto& p) { return glob_match(p, name); });
  };
  return std::any_of(param.pieces.begin(), param.pieces.end(),
                     [&](const spec::Piece& piece) { return matches(piece.hf_name); });
}

std::vector<spec::BlockSpec> with_frozen(std::vector<spec::BlockSpec> blocks, const config::ModelSection& model) {
  for (auto& block : blocks) {
    for (auto& param : block.params) {
      if (param.update == spec::Update::gradient && is_frozen(param, model)) param.update = spec::Update::frozen;
    }
  }
  return blocks;
}

spec::MemoryPolicy policy_of(const config::RunConfig& config) {
  spec::MemoryPolicy policy;
  policy.param = config.precision.dtype;
  policy.grad = config.precision.grad_dtype();
  policy.master = policy.moment = config.precision.master_dtype();
  policy.zero = static_cast<int>(config.parallel.zero);
  return policy;
}

std::string gib(double bytes) { return format_bytes(static_cast<uint64_t>(std::max(0.0, bytes))); }

const spec::ParameterMemory& largest(const ParameterFit& fit) {
  return *std::max_element(fit.stages.begin(), fit.stages.end(),
                           [](const auto& a, const auto& b) { return a.total() < b.total(); });
}

}  // namespace

ParameterFit parameter_fit(const config::RunConfig& config, const spec::ModelSpec& model, int world, int local_ranks,
                           uint64_t available) {
  const spec::Mesh mesh = mesh_of(config.parallel, world);
  const int pp = mesh.size(spec::Axis::pp), per_stage = mesh.world() / pp;
  const auto blocks = with_frozen(model.blocks, config.model);
  ParameterFit fit{.local_ranks = local_ranks, .available = available};
  for (const auto& [begin, end] : spec::place_blocks(blocks, pp)) {
    const std::span<const spec::BlockSpec> stage(blocks.data() + begin, static_cast<size_t>(end - begin));
    const int rank = per_stage * static_cast<int>(fit.stages.size());
    fit.stages.push_back(spec::parameter_memory(stage, mesh.at(rank), policy_of(config)));
  }
  // Which of the ranks a node gets is the launcher's matter: the largest stages first is the worst case.
  std::vector<double> each;
  for (const auto& stage : fit.stages) each.insert(each.end(), static_cast<size_t>(per_stage), stage.total());
  std::sort(each.rbegin(), each.rend());
  each.resize(std::min(each.size(), static_cast<size_t>(local_ranks)));
  fit.needed = std::accumulate(each.begin(), each.end(), 0.0);
  return fit;
}

std::string fit_table(const ParameterFit& fit) {
  std::string out = spec::memory_table_header() + "\n";
  for (size_t i = 0; i < fit.stages.size(); ++i) {
    out += spec::memory_table_row(fit.stages.size() == 1 ? "every rank" : fmt::format("stage {}", i), fit.stages[i]) +
           "\n";
  }
  out += fmt::format("\n{} on {} local rank{}; activations and work buffers come on top\n", gib(fit.needed),
                     fit.local_ranks, fit.local_ranks == 1 ? "" : "s");
  if (fit.available == 0) return out + "free memory: unknown\n";
  return out + fmt::format("free memory: {}{}\n", format_bytes(fit.available), fit.fits() ? "" : ": it does not fit");
}

std::string fit_line(const ParameterFit& fit) {
  const auto& m = largest(fit);
  std::string line = fmt::format("memory: {} a rank (weights {}, gradients {}, masters {}, optimizer {})",
                                 gib(m.total()), gib(m.weights), gib(m.gradients), gib(m.masters), gib(m.optimizer));
  if (fit.available > 0) line += fmt::format(", {} free", format_bytes(fit.available));
  return line;
}

void require_fit(const ParameterFit& fit, const config::RunConfig& config) {
  if (fit.fits()) return;
  std::vector<std::string> ways;
  if (config.precision.dtype == Dtype::f32 || config.precision.dtype == Dtype::f64)
    ways.emplace_back("precision.dtype=bf16");
  if (!config.model.lora) ways.emplace_back("model.lora.rank=8");
  if (config.parallel.zero < 3) ways.emplace_back("more ranks on other machines with parallel.zero=3 or parallel.tp");
  ways.emplace_back("a smaller model");
  throw ResourceError(
      fmt::format("weights, gradients and optimizer of {} local rank{} need {}, but {} are free", fit.local_ranks,
                  fit.local_ranks == 1 ? "" : "s", gib(fit.needed), format_bytes(fit.available)),
      fmt::format("what helps: {}; the table: --print-memory; to try all the same: memory.check=warn",
                  fmt::join(ways, ", ")));
}

}  // namespace loongforge::plan
