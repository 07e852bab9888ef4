// SPDX-License-Identifier: Apache-2.0
#include <glob.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "loongforge/core/error.h"
#include "loongforge/core/json.h"
#include "loongforge/core/text.h"
#include "loongforge/corpus/records.h"

namespace loongforge::corpus {

namespace {

namespace fs = std::filesystem;

std::vector<std::string> matches(const std::string& pattern) {
  glob_t found{};
  const int code = ::glob(pattern.c_str(), GLOB_BRACE | GLOB_TILDE, nullptr, &found);
  std::vector<std::string> files(found.gl_pathv, found.gl_pathv + (code == 0 ? found.gl_pathc : 0));
  ::globfree(&found);
  std::sort(files.begin(), files.end());
  return files;
}

bool is_data_file(const fs::path& path) {
  fs::path plain = path;
  if (plain.extension() == ".gz" || plain.extension() == ".zst") plain = plain.stem();
  return holds_records(path) || plain.extension() == ".txt";
}

/// The shards that `state.json` of a saved dataset lists, in its order.
std::vector<std::string> saved_shards(const fs::path& folder) {
  const Json state = read_json(folder / "state.json");
  std::vector<std::string> files;
  try {
    for (const auto& file : state.at("_data_files"))
      files.push_back((folder / file.at("filename").get<std::string>()).string());
  } catch (const Json::exception&) {
    throw DataError(fmt::format("{}: no list of `_data_files`", (folder / "state.json").string()),
                    "save the dataset again with save_to_disk");
  }
  return files;
}

std::vector<std::string> in_folder(const fs::path& folder, const std::string& split) {
  if (fs::exists(folder / "state.json")) return saved_shards(folder);
  if (fs::exists(folder / "dataset_dict.json")) {
    if (fs::exists(folder / split / "state.json")) return saved_shards(folder / split);
    throw DataError(fmt::format("{} has no split `{}`", folder.string(), split), "name the folder of a split itself");
  }
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    const bool description = name == "dataset_info.json" || name == "dataset_infos.json" || name.starts_with('.');
    if (entry.is_regular_file() && is_data_file(entry.path()) && !description) files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

[[noreturn]] void nothing_there(const std::string& entry) {
  std::vector<std::string> names;
  std::error_code ignored;
  fs::path folder = fs::path(entry).parent_path();
  for (const auto& other : fs::directory_iterator(folder.empty() ? fs::path(".") : folder, ignored)) {
    names.push_back(other.path().filename().string());
  }
  const auto close = nearest(fs::path(entry).filename().string(), names);
  throw DataError(fmt::format("{}: no such file or folder", entry),
                  close ? fmt::format("did you mean {}?", (folder / *close).string())
                        : "check data.train and data.valid; paths are relative to where loongforge was started");
}

}  // namespace

std::vector<std::string> expand_files(const std::vector<std::string>& entries, const std::string& split) {
  std::vector<std::string> files;
  for (const auto& entry : entries) {
    std::vector<std::string> found;
    if (fs::is_directory(entry)) {
      found = in_folder(entry, split);
      if (found.empty()) {
        throw DataError(fmt::format("{} holds no data file", entry),
                        "looked for .jsonl, .json, .parquet, .arrow, .tar, .txt");
      }
    } else if (fs::exists(entry)) {
      found = {entry};
    } else {
      for (auto& match : matches(entry)) {
        auto within = fs::is_directory(match) ? in_folder(match, split) : std::vector<std::string>{match};
        found.insert(found.end(), within.begin(), within.end());
      }
    }
    if (found.empty()) nothing_there(entry);
    files.insert(files.end(), found.begin(), found.end());
  }
  return files;
}

}  // namespace loongforge::corpus
