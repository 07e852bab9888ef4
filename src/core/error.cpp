// SPDX-License-Identifier: Apache-2.0
#include "loongforge/core/error.h"

namespace loongforge {

void assert_failed(const char* expression, const char* file, int line, const std::string& message) {
  throw std::logic_error(fmt::format("internal error at {}:{}: {} does not hold{}{}", file, line, expression,
                                     message.empty() ? "" : ": ", message));
}

}  // namespace loongforge
