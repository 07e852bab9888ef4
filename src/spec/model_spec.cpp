// SPDX-License-Identifier: Apache-2.0
#include "loongforge/spec/model_spec.h"

#include <unordered_set>

namespace loongforge::spec {

std::vector<const ParamSpec*> ModelSpec::distinct_params() const {
  std::vector<const ParamSpec*> result;
  std::unordered_set<std::string_view> seen;
  for (const BlockSpec& block : blocks) {
    for (const ParamSpec& param : block.params) {
      if (seen.insert(param.name).second) result.push_back(&param);
    }
  }
  return result;
}

int64_t ModelSpec::parameter_count() const {
  int64_t count = 0;
  for (const ParamSpec* param : distinct_params()) count += numel(param->logical_shape);
  return count;
}

}  // namespace loongforge::spec
