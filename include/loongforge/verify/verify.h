// SPDX-License-Identifier: Apache-2.0
// verify: does a configuration's parallel layout give the losses, gradients and weights of one rank?
#pragma once
#include <map>
#include <string>
#include <vector>

#include "loongforge/train/trainer.h"

namespace loongforge::verify {

/// What a run did, gathered on the first rank; tensors are whole logical parameters.
struct Trace {
  std::vector<double> losses, norms;                          ///< per step
  std::vector<std::map<std::string, at::Tensor>> gradients;   ///< per step, by parameter
  std::map<std::string, at::Tensor> weights;                  ///< masters after the last step
  std::vector<std::string> order;                             ///< parameters in block order
  std::map<std::string, std::string> block_of;                ///< parameter → block that declares it first
};

/// Runs `config` on `ranks` thread ranks.
Trace run_trace(const config::RunConfig& config, const train::Registry& registry, int ranks);

struct Difference {
  std::string what;   ///< "loss", "gradient norm", a parameter's name
  std::string where;  ///< "gradient of step 2", "weight"
  std::string block;
  double relative = 0;  ///< max |a − b| / max |b|; for tensors that are zero in exact arithmetic, over the largest of its kind
};
/// All compared quantities, largest difference first.
std::vector<Difference> compare(const Trace& layout, const Trace& one_rank);

struct Report {
  std::string layout;         ///< "tp 2 × pp 2 × dp 2, zero 1"
  std::string reduction;      ///< how the config was made small, one line
  std::vector<Difference> differences;
  double bar = 1e-10;
  bool passed() const { return differences.empty() || differences.front().relative <= bar; }
  /// Block (in the order of the backward pass) where gradients first differ; empty when none does.
  std::string first_diverging_block;
  std::string table(size_t rows = 8) const;
};

/// Reduces `config` (see reduce(); small batches of ragged documents), runs it in fp64 under its layout and on
/// one rank for three steps, and compares. Throws ConfigError for layouts that don't fit.
Report verify(config::RunConfig config, train::Registry registry);

/// The small configuration that verify runs, and the number of ranks; `note` tells what was reduced. Numbers of heads
/// stay, and widths, vocabulary and layers keep their remainders by tp and pp: a layout that fits the model unevenly is
/// proven with that unevenness.
config::RunConfig reduce(config::RunConfig config, const train::Registry& registry, int& ranks, std::string& note);
/// The same on one rank: no parallelism, sharding or recomputation.
config::RunConfig on_one_rank(config::RunConfig config);

/// Ragged synthetic documents: length 1 included, every fifth sample without labels.
std::shared_ptr<const data::Dataset> ragged_documents(int64_t classes, int64_t max_length, int64_t samples, uint64_t seed);

}  // namespace loongforge::verify
