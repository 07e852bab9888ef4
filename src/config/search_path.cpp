// SPDX-License-Identifier: Apache-2.0
#include "loongforge/config/search_path.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "loongforge/core/error.h"
#include "loongforge/core/text.h"

namespace loongforge::config {
namespace fs = std::filesystem;
namespace {

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

bool is_yaml(const fs::path& path) { return path.extension() == ".yaml" || path.extension() == ".yml"; }

/// The shared configurations of the tree that holds `binary` (an install prefix, or a source folder with its build
/// below).
void add_shared(const fs::path& binary, std::vector<fs::path>& folders) {
  std::error_code ignored;
  for (fs::path folder = fs::weakly_canonical(binary, ignored).parent_path(); folder.has_relative_path();
       folder = folder.parent_path()) {
    for (const fs::path& candidate : {folder / "share" / "loongforge" / "configs", folder / "configs"}) {
      if (is_folder(candidate / "model")) return folders.push_back(candidate);
    }
  }
}

}  // namespace

SearchPath SearchPath::standard() {
  std::vector<fs::path> folders;
  if (const char* listed = std::getenv("LOONGFORGE_CONFIG_PATH")) {
    for (std::string_view folder : split(listed, ':')) {
      if (!folder.empty()) folders.emplace_back(folder);
    }
  }
  folders.emplace_back("configs");
  Dl_info info{};
  if (::dladdr(reinterpret_cast<const void*>(&add_shared), &info) && info.dli_fname)
    add_shared(info.dli_fname, folders);
  add_shared("/proc/self/exe", folders);
  return SearchPath(std::move(folders));
}

SearchPath SearchPath::preferring(const fs::path& folder) const {
  std::vector<fs::path> folders = {folder};
  folders.insert(folders.end(), folders_.begin(), folders_.end());
  return SearchPath(std::move(folders));
}

std::optional<fs::path> SearchPath::find(const std::string& name) const {
  for (const fs::path& folder : folders_) {
    for (const char* suffix : {".yaml", ".yml", ""}) {
      fs::path file = (folder / (name + suffix)).lexically_normal();
      if ((*suffix || is_yaml(file)) && is_file(file)) return file;
    }
  }
  return std::nullopt;
}

bool SearchPath::has_group(const std::string& group) const {
  return std::any_of(folders_.begin(), folders_.end(),
                     [&](const fs::path& folder) { return is_folder(folder / group); });
}

std::vector<std::string> SearchPath::names(const std::string& group) const {
  std::set<std::string> names;
  for (const fs::path& folder : folders_) {
    std::error_code error;
    for (fs::directory_iterator it(folder / group, error), end; !error && it != end; it.increment(error)) {
      if (is_yaml(it->path()) && is_file(it->path())) names.insert(it->path().stem().string());
    }
  }
  return {names.begin(), names.end()};
}

fs::path SearchPath::locate(const std::string& path_or_name) const {
  if (is_file(path_or_name)) return path_or_name;
  for (const char* suffix : {".yaml", ".yml"}) {
    if (is_file(path_or_name + suffix)) return path_or_name + suffix;
  }
  if (auto found = find(path_or_name)) return *found;
  std::vector<std::string> known = names(""), places;
  for (const fs::path& folder : folders_) {
    std::string text = folder.string();
    if (std::find(places.begin(), places.end(), text) == places.end()) places.push_back(text);
  }
  auto near = nearest(fs::path(path_or_name).stem().string(), known);
  std::string hint = near ? fmt::format("did you mean {}? ", *near) : "";
  if (!known.empty()) hint += fmt::format("known by name: {}; ", join_names(known));
  throw ConfigError(fmt::format("there is no configuration {}", path_or_name),
                    hint + fmt::format("looked for it as a path and in {}", join_names(places)));
}

}  // namespace loongforge::config
