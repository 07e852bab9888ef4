// SPDX-License-Identifier: Apache-2.0
#include "loongforge/spec/memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

namespace loongforge::spec {
namespace {

bool is_expert(const ParamSpec& param) {
  return std::any_of(param.shards.begin(), param.shards.end(),
                     [](const Shard& shard) { return shard.axis == Axis::ep || shard.axis == Axis::etp; });
}

double bytes(Dtype dtype) { return static_cast<double>(dtype_size(dtype)); }

struct Sharding {
  double weights, gradients, states;  // by how many ranks each is divided
};

Sharding sharding(const ParamSpec& param, const MeshSizes& sizes, int zero) {
  const double ranks = is_expert(param) ? sizes.edp() : sizes.dp * sizes.cp;
  return {zero >= 3 ? ranks : 1, zero >= 2 ? ranks : 1, zero >= 1 ? ranks : 1};
}

// Adds one parameter and returns the bytes of its whole local weight.
double add(const ParamSpec& param, const Mesh& mesh, const MemoryPolicy& policy, ParameterMemory& memory) {
  const int64_t elements = numel(local_layout(param, mesh).shape);
  const Sharding by = sharding(param, mesh.sizes(), policy.zero);
  const Dtype weight = param.dtype.param.value_or(policy.param), master = param.dtype.master.value_or(policy.master);
  const auto n = static_cast<double>(elements);
  memory.elements += elements;
  memory.weights += n * bytes(weight) / by.weights;
  if (param.update == Update::gradient) {
    memory.gradients += n * bytes(param.dtype.grad.value_or(policy.grad)) / by.gradients;
    memory.optimizer += n * policy.moments * bytes(policy.moment) / by.states;
    if (master != weight) memory.masters += n * bytes(master) / by.states;
  }
  return n * bytes(weight);
}

}  // namespace

ParameterMemory parameter_memory(std::span<const BlockSpec> blocks, const Mesh& mesh, const MemoryPolicy& policy) {
  ParameterMemory memory;
  std::unordered_set<std::string_view> seen;
  double largest = 0, second = 0;
  for (const BlockSpec& block : blocks) {
    double whole = 0;
    for (const ParamSpec& param : block.params) {
      if (seen.insert(param.name).second) whole += add(param, mesh, policy, memory);
    }
    second = std::max(second, std::min(largest, whole));
    largest = std::max(largest, whole);
  }
  if (policy.zero >= 3 && mesh.sizes().dp * mesh.sizes().cp > 1) memory.gathered = largest + second;
  return memory;
}

std::string memory_table_header() {
  return fmt::format("{:<16} {:>14} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}", "GiB a rank", "elements", "weights", "grads",
                     "masters", "optimizer", "gathered", "total");
}

std::string memory_table_row(std::string_view label, const ParameterMemory& m) {
  constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;
  return fmt::format("{:<16} {:>14} {:>9.3f} {:>9.3f} {:>9.3f} {:>9.3f} {:>9.3f} {:>9.3f}", label, m.elements,
                     m.weights / kGiB, m.gradients / kGiB, m.masters / kGiB, m.optimizer / kGiB, m.gathered / kGiB,
                     m.total() / kGiB);
}

}  // namespace loongforge::spec
