// SPDX-License-Identifier: Apache-2.0
// JSON in and out (key order kept), with file:line:column in every parse error.
#pragma once
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "loongforge/core/files.h"

namespace loongforge {

using Json = nlohmann::ordered_json;

/// Throws the error of `role` with "<origin>:<line>:<col>: …" on malformed text or trailing characters.
Json parse_json(std::string_view text, std::string_view origin, FileRole role = FileRole::data);
Json read_json(const std::filesystem::path& path, FileRole role = FileRole::data);
/// Atomically; two-space indent and a final newline, as Hugging Face writes config.json.
void write_json(const std::filesystem::path& path, const Json& value, FileRole role = FileRole::checkpoint);

}  // namespace loongforge
