// SPDX-License-Identifier: Apache-2.0
#include "loongforge/ckpt/model_dir.h"

#include <algorithm>
#include <array>
#include <set>

#include "loongforge/core/error.h"
#include "loongforge/core/json.h"
#include "loongforge/core/text.h"

namespace loongforge::ckpt {
namespace fs = std::filesystem;
namespace {

/// Also of links that lead nowhere or in circles: opening them says what is wrong.
bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(path, ignored));
}

constexpr std::array kSideFiles = {
    "tokenizer*", "special_tokens_map.json", "added_tokens.json", "vocab.json", "vocab.txt", "merges.txt",
    "spiece.model", "generation_config.json", "chat_template*", "preprocessor_config.json", "processor_config.json",
    "video_preprocessor_config.json", "LICENSE*", "*.tiktoken"};

std::string single_file(const std::string& stem) { return stem + ".safetensors"; }
std::string index_file(const std::string& stem) { return stem + ".safetensors.index.json"; }

std::map<std::string, std::string> read_weight_map(const fs::path& path) {
  // Not the order-keeping Json: its objects take quadratic time to read, and an index can name 100,000 tensors.
  const nlohmann::json index = nlohmann::json::parse(read_file(path, FileRole::checkpoint), nullptr, false);
  if (index.is_discarded()) throw CheckpointError(fmt::format("{}: not valid JSON", path.string()));
  const auto map = index.is_object() ? index.find("weight_map") : index.end();
  if (!index.is_object() || map == index.end() || !map->is_object()) {
    throw CheckpointError(fmt::format("{}: has no weight_map", path.string()));
  }
  std::map<std::string, std::string> files;
  for (const auto& [name, file] : map->items()) {
    const std::string text = file.is_string() ? file.get<std::string>() : std::string();
    if (text.empty() || fs::path(text).filename() != fs::path(text) || text == "." || text == "..") {
      throw CheckpointError(fmt::format("{}: tensor '{}' is not mapped to a file name", path.string(), name));
    }
    files[name] = text;
  }
  return files;
}

Json read_config(const fs::path& folder) {
  if (!fs::is_directory(folder)) {
    throw CheckpointError(fmt::format("{}: no such folder", folder.string()), "give the folder of a published model");
  }
  if (!is_there(folder / "config.json")) {
    throw CheckpointError(fmt::format("{}: has no config.json", folder.string()), "give the folder of a published model");
  }
  Json config = read_json(folder / "config.json", FileRole::checkpoint);
  if (!config.is_object()) throw CheckpointError(fmt::format("{}: not a JSON object", (folder / "config.json").string()));
  return config;
}

[[noreturn]] void throw_no_weights(const fs::path& folder, const std::string& stem) {
  std::string hint = "give the folder that holds the safetensors files";
  if (is_there(folder / "pytorch_model.bin") || is_there(folder / "pytorch_model.bin.index.json")) {
    hint = "it has only pickled weights: save the model as safetensors first";
  }
  throw CheckpointError(fmt::format("{}: has neither {} nor {}", folder.string(), single_file(stem), index_file(stem)), hint);
}

}  // namespace

bool TensorSet::exists(const fs::path& folder, const std::string& stem) {
  return is_there(folder / single_file(stem)) || is_there(folder / index_file(stem));
}

TensorSet::TensorSet(fs::path folder, std::string stem) : folder_(std::move(folder)) {
  if (is_there(folder_ / single_file(stem))) {
    add_file(single_file(stem));
    return;
  }
  if (!is_there(folder_ / index_file(stem))) throw_no_weights(folder_, stem);
  const auto weight_map = read_weight_map(folder_ / index_file(stem));
  std::set<std::string> files;
  for (const auto& [name, file] : weight_map) files.insert(file);
  for (const std::string& file : files) add_file(file);
  check_index(weight_map);
}

void TensorSet::add_file(const std::string& name) {
  files_.push_back(std::make_unique<SafetensorsFile>(folder_ / name));
  for (const TensorInfo& info : files_.back()->tensors()) {
    const auto [other, fresh] = entries_.emplace(info.name, Entry{files_.back().get(), &info});
    if (fresh) continue;
    throw CheckpointError(fmt::format("{}: tensor '{}' is also in {}", files_.back()->path().string(), info.name,
                                      other->second.file->path().filename().string()));
  }
}

void TensorSet::check_index(const std::map<std::string, std::string>& weight_map) const {
  for (const auto& [name, file] : weight_map) {
    const auto entry = entries_.find(name);
    if (entry != entries_.end() && entry->second.file->path().filename() == file) continue;
    throw CheckpointError(fmt::format("{}: tensor '{}', which the index places there, is missing",
                                      (folder_ / file).string(), name),
                          "the files don't belong to their index: download them again");
  }
}

std::vector<std::string> TensorSet::names() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries_) names.push_back(name);
  return names;
}

const TensorInfo* TensorSet::find(std::string_view name) const {
  const auto entry = entries_.find(name);
  return entry == entries_.end() ? nullptr : entry->second.info;
}

at::Tensor TensorSet::tensor(std::string_view name) const {
  const auto entry = entries_.find(name);
  LF_ASSERT(entry != entries_.end(), "no tensor '{}' in {}", name, folder_.string());
  return entry->second.file->tensor(*entry->second.info);
}

const fs::path& TensorSet::file_of(std::string_view name) const {
  const auto entry = entries_.find(name);
  LF_ASSERT(entry != entries_.end(), "no tensor '{}' in {}", name, folder_.string());
  return entry->second.file->path();
}

uint64_t TensorSet::bytes() const {
  uint64_t total = 0;
  for (const auto& [name, entry] : entries_) total += entry.info->bytes();
  return total;
}

ModelDir::ModelDir(fs::path folder)
    : config_(read_config(folder)), tensors_(folder), side_files_(find_side_files(folder)) {}

std::vector<fs::path> find_side_files(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    const bool wanted = std::any_of(kSideFiles.begin(), kSideFiles.end(),
                                    [&](const char* pattern) { return glob_match(pattern, name); });
    if (wanted && entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace loongforge::ckpt
