// SPDX-License-Identifier: Apache-2.0
#include "loongforge/models/registry.h"

#include "models/families/families.h"

namespace loongforge::models {

std::map<std::string, nn::ModelFactory, std::less<>> builtin_factories() {
  return {{"llama", llama_factory()}, {"qwen2", qwen2_factory()}, {"qwen3", qwen3_factory()}};
}

}  // namespace loongforge::models
