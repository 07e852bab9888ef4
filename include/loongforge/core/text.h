// SPDX-License-Identifier: Apache-2.0
// Text for people: nearest names, sizes, counts, durations.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace loongforge {

/// Edits (insert, delete, replace, swap of neighbours; "optimal string alignment") that turn `a` into `b`.
int edit_distance(std::string_view a, std::string_view b);
/// The candidate closest to `name` when it is close enough to be a misspelling (ignoring case, `-` and `_` alike).
std::optional<std::string> nearest(std::string_view name, std::span<const std::string> candidates);

/// "a, b, c"; after `at_most` names ", … (12 in all)".
std::string join_names(std::span<const std::string> names, size_t at_most = 24);

/// "512 B", "1.21 GiB": binary units.
std::string format_bytes(uint64_t bytes);
/// "950", "12.3k", "1.54M", "70.6B": decimal units, three digits.
std::string format_count(double count);
/// "0.61s", "42s", "3m10s", "5h02m", "2d03h".
std::string format_duration(double seconds);

/// Without the spaces, tabs and line ends around it.
std::string_view trim(std::string_view text);
/// The parts between separators; "" gives one empty part.
std::vector<std::string_view> split(std::string_view text, char separator);
/// Does `text` match a shell pattern of `*` (any run, dots and slashes included), `?` and literal characters?
bool glob_match(std::string_view pattern, std::string_view text);

}  // namespace loongforge
