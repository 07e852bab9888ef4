// SPDX-License-Identifier: Apache-2.0
// Literals of template code: Python's numbers and string escapes.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace loongforge::tokenizer::jinja {

/// The text of a string literal's inside; none for a broken escape. Unknown escapes stay as they are.
std::optional<std::string> unescape(std::string_view text);

struct Number {
  size_t length = 0;  // 0: beyond 64 bits
  bool is_real = false;
  int64_t integer = 0;
  double real = 0;
};
/// Reads the number that `text` begins with (a digit): 12, 1_000, 0x1f, 0b1, 0o7 and, when `real` is allowed, 1.5, 1e3.
Number read_number(std::string_view text, bool real);

}  // namespace loongforge::tokenizer::jinja
