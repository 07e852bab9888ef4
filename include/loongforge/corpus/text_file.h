// SPDX-License-Identifier: Apache-2.0
// Whole text files, plain or compressed.
#pragma once
#include <filesystem>
#include <string>

namespace loongforge::corpus {

/// The text of a plain, `.gz` or `.zst` file. Throws DataError for a missing, truncated or malformed one.
std::string read_text(const std::filesystem::path& path);

}  // namespace loongforge::corpus
