// SPDX-License-Identifier: Apache-2.0
// BlockSpec, ModelSpec and the registry of families: everything about a model that needs no tensor.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "loongforge/spec/param_spec.h"

namespace loongforge::spec {

/// One entry of a block's State. Extents name quantities of the batch ("tokens") or are numbers.
struct StateEntry {
  std::string name;
  std::vector<std::variant<int64_t, std::string>> extents;
  bool differentiable = true;
};

/// Work and memory of one block: multiply by the rows (and, for attention, by the sum of squared document lengths).
struct BlockCost {
  double gemm_flops_per_row = 0;        ///< forward, 2 per multiply-add
  double attention_flops_per_row2 = 0;  ///< forward, full (not causal) attention, per squared row of a document
  double saved_elements_per_row = 0;    ///< activations kept for backward, in compute-dtype elements
};

struct BlockSpec {
  std::string name;       ///< "model.layers.3"
  std::string kind;       ///< picks the block factory: "embedding", "decoder", "head"…
  std::string component;  ///< mesh and seams are per component
  int64_t layer = -1;     ///< index among the repeated layers, −1 otherwise
  std::vector<ParamSpec> params;
  std::vector<StateEntry> inputs, outputs;
  BlockCost cost;
};

/// Base of a family's parsed configuration (hidden_size, …), read by its forward.
struct FamilyConfig {
  virtual ~FamilyConfig() = default;
};

struct ModelSpec {
  std::string family;  ///< model_type
  std::shared_ptr<const FamilyConfig> config;
  nlohmann::ordered_json hf_config;  ///< as loaded, spelling kept; written back on save
  std::vector<BlockSpec> blocks;
  /// Every distinct parameter once, in block order.
  std::vector<const ParamSpec*> distinct_params() const;
  int64_t parameter_count() const;  ///< logical elements of the distinct parameters, counting published ones once
};

/// A family: published config.json → ModelSpec. Errors: ConfigError naming the key.
struct Family {
  std::string model_type;      ///< "llama"
  std::string architecture;    ///< "LlamaForCausalLM"
  std::function<ModelSpec(const nlohmann::ordered_json& hf_config)> parse;
  nlohmann::ordered_json debug_config;  ///< a size that trains in a second
};

/// Families by model_type. A value passed to the run; `builtin()` is the explicit list of ours.
class Registry {
 public:
  static Registry builtin();
  void add(Family family);
  /// Throws ConfigError with the known names and the nearest one.
  const Family& family(std::string_view model_type) const;
  std::vector<std::string> names() const;
  ModelSpec parse(const nlohmann::ordered_json& hf_config) const;

 private:
  std::map<std::string, Family, std::less<>> families_;
};

}  // namespace loongforge::spec
