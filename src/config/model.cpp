// SPDX-License-Identifier: Apache-2.0
#include "loongforge/config/model.h"

#include "loongforge/core/error.h"
#include "loongforge/core/json.h"
#include "loongforge/spec/model_path.h"

namespace loongforge::config {
namespace {

/// Keys of `over` replace those of `base`; maps (rope_scaling, …) are replaced whole.
Json overlaid(Json base, const Json& over) {
  for (const auto& [key, value] : over.items()) base[key] = value;
  return base;
}

}  // namespace

spec::ModelSpec load_model_spec(const RunConfig& config, const spec::Registry& families) {
  Json hf_config = Json::object();
  if (!config.model.path.empty()) {
    const auto file = spec::find_model(config.model.path, "model.path") / "config.json";
    hf_config = read_json(file, FileRole::checkpoint);
    if (!hf_config.is_object()) {
      throw CheckpointError(fmt::format("{} is not a JSON object", file.string()), "copy the model's config.json again");
    }
  }
  hf_config = overlaid(std::move(hf_config), to_json(config.model.config));
  if (hf_config.empty()) {
    throw ConfigError("no model: neither model.path nor model.config is set",
                      "add `defaults: [model: qwen3_debug]` to the config, or model.path=DIR");
  }
  return families.parse(hf_config);
}

}  // namespace loongforge::config
