// SPDX-License-Identifier: Apache-2.0
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "loongforge/core/error.h"
#include "loongforge/spec/model_spec.h"
#include "spec/families/families.h"

namespace loongforge::spec {
namespace {

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = std::exchange(row[j], std::min({replaced, row[j] + 1, row[j - 1] + 1}));
    }
  }
  return row.back();
}

}  // namespace

Registry Registry::builtin() {
  Registry registry;
  registry.add(llama_family());
  registry.add(qwen2_family());
  registry.add(qwen3_family());
  return registry;
}

void Registry::add(Family family) {
  std::string model_type = family.model_type;
  const bool added = families_.emplace(std::move(model_type), std::move(family)).second;
  LF_ASSERT(added, "a family is registered twice");
}

std::vector<std::string> Registry::names() const {
  std::vector<std::string> result;
  for (const auto& [name, family] : families_) result.push_back(name);
  return result;
}

const Family& Registry::family(std::string_view model_type) const {
  if (auto it = families_.find(model_type); it != families_.end()) return it->second;
  std::string nearest;
  size_t best = std::numeric_limits<size_t>::max();
  for (const auto& [name, family] : families_) {
    if (size_t distance = edit_distance(name, model_type); distance < best) {
      best = distance;
      nearest = name;
    }
  }
  throw ConfigError(fmt::format("model_type {} is unknown", model_type),
                    fmt::format("did you mean {}? known are {}", nearest, fmt::join(names(), ", ")));
}

ModelSpec Registry::parse(const nlohmann::ordered_json& hf_config) const {
  auto it = hf_config.find("model_type");
  if (!hf_config.is_object() || it == hf_config.end() || !it->is_string()) {
    throw ConfigError("model configuration: missing model_type", fmt::format("known are {}", fmt::join(names(), ", ")));
  }
  const Family& chosen = family(it->get<std::string>());
  ModelSpec model = chosen.parse(hf_config);
  model.family = chosen.model_type;
  return model;
}

}  // namespace loongforge::spec
