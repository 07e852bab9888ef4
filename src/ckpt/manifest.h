// SPDX-License-Identifier: Apache-2.0
// Manifests and the names of checkpoint folders.
#pragma once
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "loongforge/ckpt/store.h"

namespace loongforge::ckpt {

inline constexpr const char* kManifestFile = "manifest.json";

nlohmann::ordered_json manifest_to_json(const Manifest& manifest);
/// Throws CheckpointError naming `origin` when something is missing, of the wrong type, or a path leads outside.
Manifest manifest_from_json(const nlohmann::ordered_json& json, const std::string& origin);
/// Throws CheckpointError when the folder has none or a malformed one.
Manifest read_manifest(const std::filesystem::path& folder);

/// What a folder's name says; empty for names that aren't a checkpoint's.
struct FolderName {
  CheckpointId id;
  bool unfinished = false;  ///< ends in ".tmp"
};
std::optional<FolderName> parse_folder_name(std::string_view name);

/// One line about the first file that is missing or of another size; "" when all are right.
std::string wrong_size(const std::filesystem::path& folder, const Manifest& manifest);
/// The same for contents; looks at every `stride`-th file from `first`.
std::string wrong_checksum(const std::filesystem::path& folder, const Manifest& manifest, size_t first, size_t stride);

/// Gives a finished save its final name. What has that name already (it has no manifest) is renamed to "<name>.aside".
void rename_checkpoint(const std::filesystem::path& from, const std::filesystem::path& to);

/// Takes the commit mark away first, so that a half-removed checkpoint never counts.
void remove_checkpoint(const std::filesystem::path& folder);

}  // namespace loongforge::ckpt
