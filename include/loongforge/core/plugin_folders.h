// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <vector>

namespace loongforge {

/// Where plug-in libraries (`liblf_<name>.so`) are looked for, best first: $LOONGFORGE_PLUGIN_PATH, beside this
/// library, beside the program, and in lib/ next to the program's folder.
std::vector<std::filesystem::path> plugin_folders();

}  // namespace loongforge
