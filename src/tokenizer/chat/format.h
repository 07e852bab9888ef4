// SPDX-License-Identifier: Apache-2.0
// Python's format specifications.
#pragma once
#include <string>
#include <string_view>

#include "tokenizer/chat/heap.h"

namespace loongforge::tokenizer::jinja {

/// [[fill]align][sign][#][0][width][grouping][.precision][type]
struct FormatSpec {
  std::string fill = " ";
  char align = '\0', sign = '-', grouping = '\0', type = '\0';
  bool alternate = false, zero = false;
  int64_t width = 0, precision = -1;
};
/// RenderError for what is no specification.
FormatSpec parse_format_spec(std::string_view text);
/// format(value, spec)
std::string format_value(const Value& value, const FormatSpec& spec, Heap& heap);
/// Reads digits at `at`; -1 when there are none.
int64_t take_digits(std::string_view text, size_t& at);

}  // namespace loongforge::tokenizer::jinja
