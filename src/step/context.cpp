// SPDX-License-Identifier: Apache-2.0
#include "loongforge/step/context.h"

#include "loongforge/core/error.h"

namespace loongforge::step {

double StepContext::seed(std::string_view term) const {
  auto found = seeds.find(term);
  LF_ASSERT(found != seeds.end(), "no seed for loss term '{}'", term);
  return found->second;
}

}  // namespace loongforge::step
