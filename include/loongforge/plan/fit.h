// SPDX-License-Identifier: Apache-2.0
// "Does this fit?", answered before anything is allocated: the part of a run's memory that is known for sure.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "loongforge/config/run_config.h"
#include "loongforge/spec/memory.h"
#include "loongforge/spec/model_spec.h"

namespace loongforge::plan {

/// Weights, gradients, masters and optimizer of each pipeline stage's ranks. Activations, workspaces and data come on
/// top.
struct ParameterFit {
  std::vector<spec::ParameterMemory> stages;
  int local_ranks = 1;     ///< ranks that share `available`
  double needed = 0;       ///< bytes of those ranks together, at the largest stages
  uint64_t available = 0;  ///< bytes; 0: unknown
  bool fits() const { return available == 0 || needed <= static_cast<double>(available); }
};

/// Of a checked configuration over `world` ranks, `local_ranks` of them on `available` bytes. Frozen parameters have
/// weights only; under LoRA that is all of the base, and the adapters, which are small, aren't counted. Throws
/// ConfigError.
ParameterFit parameter_fit(const config::RunConfig& config, const spec::ModelSpec& model, int world, int local_ranks,
                           uint64_t available);

/// The table of all stages and the sum beside what is there, for people.
std::string fit_table(const ParameterFit& fit);
/// One line: "memory: parameters, gradients and optimizer take 0.03 GiB a rank (…) of 7.6 GiB free".
std::string fit_line(const ParameterFit& fit);
/// Throws ResourceError with what would help when it doesn't fit.
void require_fit(const ParameterFit& fit, const config::RunConfig& config);

}  // namespace loongforge::plan
