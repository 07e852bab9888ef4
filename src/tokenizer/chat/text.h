// SPDX-License-Identifier: Apache-2.0
// What Python's str does, on UTF-8: positions count code points, white space and case are Unicode's.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace loongforge::tokenizer::jinja {

/// Python's str.isspace for one code point (Unicode White_Space and the separators U+001C–U+001F).
bool is_python_space(uint32_t code);
std::string_view strip_left(std::string_view text);
std::string_view strip_right(std::string_view text);
/// Without the code points that are in `chars`, at the chosen ends.
std::string_view strip_chars(std::string_view text, std::string_view chars, bool left, bool right);

size_t count_chars(std::string_view text);
std::vector<uint32_t> code_points(std::string_view text);
/// Byte position of the `index`th code point; the size when there are fewer.
size_t byte_of(std::string_view text, size_t index);
std::vector<std::string_view> chars_of(std::string_view text);

std::string upper(std::string_view text);
std::string lower(std::string_view text);
/// First character of each word in title case, the rest in lower case (str.title).
std::string title(std::string_view text);
std::string capitalize(std::string_view text);
std::string swap_case(std::string_view text);

/// str.isalpha, isdigit, … by name without "is"; false for empty text (but `ascii`).
bool has_property(std::string_view text, std::string_view property);
/// Would repr() write the character as it is?
bool is_printable(uint32_t code);

std::vector<std::string_view> split_space(std::string_view text, int64_t limit);
std::vector<std::string_view> split_space_right(std::string_view text, int64_t limit);
std::vector<std::string_view> split_at(std::string_view text, std::string_view separator, int64_t limit);
std::vector<std::string_view> split_at_right(std::string_view text, std::string_view separator, int64_t limit);
std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends);
/// At most `limit` replacements when it isn't negative.
std::string replace(std::string_view text, std::string_view old, std::string_view with, int64_t limit);
/// &, <, >, ' and " as HTML has them.
std::string escape_html(std::string_view text);

}  // namespace loongforge::tokenizer::jinja
