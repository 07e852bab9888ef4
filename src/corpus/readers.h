// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "loongforge/corpus/records.h"

namespace loongforge::corpus {

std::unique_ptr<RecordReader> open_tar(const std::filesystem::path& path);
/// Loads liblf_arrow.so on first use.
std::unique_ptr<RecordReader> open_arrow(const std::filesystem::path& path);

}  // namespace loongforge::corpus
