// SPDX-License-Identifier: Apache-2.0
// Where configurations are looked for.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace loongforge::config {

class SearchPath {
 public:
  explicit SearchPath(std::vector<std::filesystem::path> folders) : folders_(std::move(folders)) {}
  /// $LOONGFORGE_CONFIG_PATH (folders separated by `:`), configs/ of the working folder, and what was installed or
  /// built with this library: share/loongforge/configs or configs/ in a folder above it.
  static SearchPath standard();

  /// The same with `folder` first.
  SearchPath preferring(const std::filesystem::path& folder) const;
  /// The file of "group/name" (".yaml" or ".yml" may be left out); nullopt when no folder has it.
  std::optional<std::filesystem::path> find(const std::string& name) const;
  /// Is there a folder of choices for `group`?
  bool has_group(const std::string& group) const;
  /// Names (without suffix) in `group`, "" for whole runs, sorted.
  std::vector<std::string> names(const std::string& group) const;
  const std::vector<std::filesystem::path>& folders() const { return folders_; }

  /// A configuration given as a path, or by name. Throws ConfigError with the nearest name and where was looked.
  std::filesystem::path locate(const std::string& path_or_name) const;

 private:
  std::vector<std::filesystem::path> folders_;
};

}  // namespace loongforge::config
