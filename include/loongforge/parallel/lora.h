// SPDX-License-Identifier: Apache-2.0
// LoRA (Hu et al. 2021) under the parameter names of the PEFT library.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "loongforge/parallel/param_store.h"
#include "loongforge/spec/model_spec.h"

namespace loongforge::parallel {

struct LoraConfig {
  int64_t rank = 8;
  double alpha = 16;
  bool rank_stabilised = false;  ///< scaling alpha/√rank instead of alpha/rank
  /// Linears to adapt: last components of published module names ("q_proj"), patterns over whole module names
  /// ("model.layers.*.self_attn.*"), or "all-linear" (every linear but the output head).
  std::vector<std::string> targets = {"all-linear"};
  double scaling() const;
};

/// Freezes every parameter of `model` and appends two trainable ones per adapted published linear to its block:
/// "base_model.model.<module>.lora_A.weight" [rank, in] and "….lora_B.weight" [out, rank] (zeros), at the end of
/// BlockSpec::params. Throws ConfigError when a target matches nothing.
void add_lora(spec::ModelSpec& model, const LoraConfig& config);

/// Connects the adapters that add_lora declared to the base Params of the store's blocks. Call before blocks are built.
void attach_lora(const spec::ModelSpec& model, const LoraConfig& config, ParamStore& store);

}  // namespace loongforge::parallel
