// SPDX-License-Identifier: Apache-2.0
// Small configurations and their traced runs, shared by the tests of layouts.
#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>

#include "loongforge/config/run_config.h"
#include "loongforge/verify/verify.h"

namespace loongforge::verify {

struct Case {
  const char* name;
  std::vector<std::string> overrides;
};
inline void PrintTo(const Case& layout, std::ostream* out) { *out << layout.name; }

/// The quickstart's model made awkward: 6 query heads in 2 groups, 3 layers, vocabulary 259.
inline config::RunConfig configured(std::vector<std::string> overrides) {
  config::LoadOptions options;
  options.overrides = {"model.config.num_hidden_layers=3", "model.config.hidden_size=48", "model.config.vocab_size=259",
                       "model.config.intermediate_size=80", "model.config.num_attention_heads=6",
                       "model.config.head_dim=8", "train.global_batch_size=0"};
  options.overrides.insert(options.overrides.end(), overrides.begin(), overrides.end());
  return config::load_run_config(LF_SOURCE_DIR "/configs/quickstart.yaml", options);
}

/// Runs `config` made small on `data`, after `change` had its way with it; 3 steps where `change` says nothing else.
inline Trace traced(config::RunConfig config, train::Registry registry,
                    const std::function<void(config::RunConfig&)>& change = {},
                    std::shared_ptr<const data::Dataset> data = ragged_documents(259, 24, 97, 5)) {
  int ranks = 1;
  std::string note;
  config = reduce(std::move(config), registry, ranks, note);
  if (change) change(config);
  config.run.output_dir = testing::TempDir() + "lf_dist_" + std::to_string(::getpid());
  registry.datasets["verify"] = [data](const config::RunConfig&, const spec::ModelSpec&, train::Split split) {
    return split == train::Split::train ? data : nullptr;
  };
  return run_trace(config, registry, ranks);
}

/// The greatest relative difference of two runs, with its place.
inline Difference worst(const Trace& mine, const Trace& reference) { return compare(mine, reference).at(0); }

}  // namespace loongforge::verify
