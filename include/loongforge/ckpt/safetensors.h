// SPDX-License-Identifier: Apache-2.0
// safetensors files (format of github.com/huggingface/safetensors): 8 bytes little-endian header length, a JSON header,
// then the tensors' bytes without gaps.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "loongforge/core/dtype.h"
#include "loongforge/core/files.h"
#include "loongforge/spec/param_spec.h"

namespace loongforge::ckpt {

/// One tensor of a file; `begin` and `end` are byte offsets from the end of the header.
struct TensorInfo {
  std::string name;
  Dtype dtype = Dtype::f32;
  spec::Shape shape;
  uint64_t begin = 0, end = 0;
  uint64_t bytes() const { return end - begin; }
};

/// A file that was written: `name` is relative to the checkpoint's folder, `checksum` as checksum_text() gives it.
struct FileRecord {
  std::string name;
  uint64_t size = 0;
  std::string checksum;
  friend bool operator==(const FileRecord&, const FileRecord&) = default;
};

/// A memory-mapped file, wholly validated when opened: header length, JSON, duplicate names, element types, shapes
/// against byte ranges, and ranges that lie in the file in order without gap or overlap.
class SafetensorsFile {
 public:
  /// Throws CheckpointError naming the file and, where there is one, the tensor.
  explicit SafetensorsFile(std::filesystem::path path);

  const std::filesystem::path& path() const { return path_; }
  const std::vector<TensorInfo>& tensors() const { return tensors_; }  ///< in the order of their bytes
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  /// nullptr when the file has no such tensor.
  const TensorInfo* find(std::string_view name) const;
  /// The tensor's values as a CPU tensor over the mapped file, which it keeps mapped. Never write to it. (Tensors whose
  /// bytes aren't aligned to their element are copied.)
  at::Tensor tensor(const TensorInfo& info) const;

 private:
  std::filesystem::path path_;
  std::shared_ptr<const MappedFile> map_;
  uint64_t data_start_ = 0;
  std::vector<TensorInfo> tensors_;
  std::map<std::string, std::string> metadata_;
  std::unordered_map<std::string_view, size_t> index_;
};

/// Sorts by (element size descending, name) and sets the byte ranges: the order of a file that SafetensorsWriter makes.
std::vector<TensorInfo> safetensors_order(std::vector<TensorInfo> tensors);

/// Writes a file front to back; the header is padded with spaces to a multiple of 8.
class SafetensorsWriter {
 public:
  /// Names must be distinct. Throws ResourceError or CheckpointError when the file can't be made.
  SafetensorsWriter(const std::filesystem::path& path, std::vector<TensorInfo> tensors,
                    const std::map<std::string, std::string>& metadata = {{"format", "pt"}});

  /// The tensors in the order in which append() wants them.
  const std::vector<TensorInfo>& tensors() const { return tensors_; }
  /// The values of the next tensor, on any device, of its shape; converted to its element type.
  void append(const at::Tensor& values);
  /// Syncs and closes the file once all tensors were appended.
  FileRecord finish();

 private:
  std::vector<TensorInfo> tensors_;
  size_t next_ = 0;
  FileWriter file_;
};

/// A whole small file at once (tests, logits, gradients). Names and tensors go by `tensors`.
FileRecord write_safetensors(const std::filesystem::path& path, const std::map<std::string, at::Tensor>& tensors);

}  // namespace loongforge::ckpt
