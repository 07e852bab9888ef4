// SPDX-License-Identifier: Apache-2.0
// Cutting a string at matches, with the tokenizers package's delimiter behaviours.
#pragma once
#include <functional>
#include <string_view>
#include <vector>

#include "tokenizer/json_node.h"
#include "tokenizer/regex.h"

namespace loongforge::tokenizer {

enum class Behavior { removed, isolated, merged_with_previous, merged_with_next, contiguous };

/// Reads "Isolated", "Removed", "MergedWithPrevious", "MergedWithNext" or "Contiguous"; DataError otherwise.
Behavior make_behavior(const JsonNode& node);

/// Appends the non-empty parts of `text`, cut at `matches` (ordered, disjoint); `invert` swaps matches and the rest.
void split_at(std::string_view text, const std::vector<Match>& matches, bool invert, Behavior behavior,
              std::vector<std::string_view>& out);

/// One match for each character that `is_delimiter` accepts.
std::vector<Match> match_characters(std::string_view text, bool (*is_delimiter)(uint32_t));

}  // namespace loongforge::tokenizer
