// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <string>

#include "loongforge/corpus/records.h"

namespace loongforge::corpus {

/// Documents of a plain text file as records whose `json` is the text itself: `lines` lines each, or (0) the whole
/// file; numbered by their first line.
std::unique_ptr<RecordReader> open_plain_text(const std::filesystem::path& path, int64_t lines);

/// The text of a JSON record, or why it has none in `problem`.
std::string record_text(std::string_view record, const std::string& key, std::string& problem);

}  // namespace loongforge::corpus
