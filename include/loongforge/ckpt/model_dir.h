// SPDX-License-Identifier: Apache-2.0
// A published model directory as Hugging Face lays it out: tensors in one or several safetensors files, config.json, and
// files that travel along unchanged.
#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "loongforge/ckpt/safetensors.h"

namespace loongforge::ckpt {

/// The tensors of `<stem>.safetensors`, or of the files that `<stem>.safetensors.index.json` names.
class TensorSet {
 public:
  /// Opens and validates every file. Throws CheckpointError: nothing there, an index that names missing files, files
  /// outside the folder or tensors that its files lack, a name in two files.
  explicit TensorSet(std::filesystem::path folder, std::string stem = "model");
  /// Is there such a set in `folder`?
  static bool exists(const std::filesystem::path& folder, const std::string& stem = "model");

  const std::filesystem::path& folder() const { return folder_; }
  std::vector<std::string> names() const;  ///< sorted
  bool contains(std::string_view name) const { return entries_.find(name) != entries_.end(); }
  /// nullptr when there is no such tensor.
  const TensorInfo* find(std::string_view name) const;
  /// View into the mapped file; see SafetensorsFile::tensor. The name must be there.
  at::Tensor tensor(std::string_view name) const;
  /// The file that holds a tensor, for messages.
  const std::filesystem::path& file_of(std::string_view name) const;
  uint64_t bytes() const;  ///< of all tensors

 private:
  struct Entry {
    const SafetensorsFile* file;
    const TensorInfo* info;
  };
  void add_file(const std::string& name);
  void check_index(const std::map<std::string, std::string>& weight_map) const;

  std::filesystem::path folder_;
  std::vector<std::unique_ptr<SafetensorsFile>> files_;
  std::map<std::string, Entry, std::less<>> entries_;
};

class ModelDir {
 public:
  /// Throws CheckpointError: no such folder, no config.json, no safetensors (with a hint when there are only pickled
  /// weights), or anything TensorSet throws.
  explicit ModelDir(std::filesystem::path folder);

  const std::filesystem::path& folder() const { return tensors_.folder(); }
  const nlohmann::ordered_json& config() const { return config_; }  ///< key order and spelling as in the file
  const TensorSet& tensors() const { return tensors_; }
  /// Files to copy verbatim beside the weights of a model trained from this one: tokenizer, generation and processor
  /// settings, chat templates. Sorted.
  const std::vector<std::filesystem::path>& side_files() const { return side_files_; }

 private:
  nlohmann::ordered_json config_;
  TensorSet tensors_;
  std::vector<std::filesystem::path> side_files_;
};

/// The side files of any folder (also one that has no weights). Sorted.
std::vector<std::filesystem::path> find_side_files(const std::filesystem::path& folder);

}  // namespace loongforge::ckpt
