// SPDX-License-Identifier: Apache-2.0
#include "loongforge/ckpt/safetensors.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>

#include "ckpt/host_bytes.h"
#include "ckpt/safetensors_header.h"
#include "loongforge/ckpt/boxes.h"
#include "loongforge/core/error.h"
#include "loongforge/platform/dtype.h"

namespace loongforge::ckpt {

SafetensorsFile::SafetensorsFile(std::filesystem::path path)
    : path_(std::move(path)), map_(std::make_shared<MappedFile>(path_, FileRole::checkpoint)) {
  SafetensorsHeader header = parse_safetensors_header(map_->text(), path_.string());
  data_start_ = header.data_start;
  tensors_ = std::move(header.tensors);
  metadata_ = std::move(header.metadata);
  for (size_t i = 0; i < tensors_.size(); ++i) index_.emplace(tensors_[i].name, i);
}

const TensorInfo* SafetensorsFile::find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

at::Tensor SafetensorsFile::tensor(const TensorInfo& info) const {
  const auto options = at::TensorOptions().dtype(platform::to_torch(info.dtype));
  if (info.bytes() == 0) return at::empty(info.shape, options);
  const std::byte* start = map_->bytes().data() + data_start_ + info.begin;
  // from_blob wants a mutable pointer; the pages are read-only, so a write by mistake faults at once.
  const auto view = [&](at::IntArrayRef shape, at::ScalarType dtype) {
    return at::from_blob(const_cast<std::byte*>(start), shape, [keep = map_](void*) {}, at::TensorOptions().dtype(dtype));
  };
  const at::ScalarType dtype = platform::to_torch(info.dtype);
  if ((data_start_ + info.begin) % dtype_size(info.dtype) == 0) return view(info.shape, dtype);
  return view({static_cast<int64_t>(info.bytes())}, at::kByte).clone().view(dtype).view(info.shape);
}

std::vector<TensorInfo> safetensors_order(std::vector<TensorInfo> tensors) {
  std::sort(tensors.begin(), tensors.end(), [](const TensorInfo& a, const TensorInfo& b) {
    const size_t left = dtype_size(a.dtype), right = dtype_size(b.dtype);
    return left != right ? left > right : a.name < b.name;
  });
  uint64_t offset = 0;
  for (TensorInfo& info : tensors) {
    info.begin = offset;
    offset += static_cast<uint64_t>(spec::numel(info.shape)) * dtype_size(info.dtype);
    info.end = offset;
  }
  return tensors;
}

SafetensorsWriter::SafetensorsWriter(const std::filesystem::path& path, std::vector<TensorInfo> tensors,
                                     const std::map<std::string, std::string>& metadata)
    : tensors_(safetensors_order(std::move(tensors))), file_(path, FileRole::checkpoint) {
  for (size_t i = 1; i < tensors_.size(); ++i) {
    LF_ASSERT(tensors_[i - 1].name != tensors_[i].name, "tensor '{}' twice in one file", tensors_[i].name);
  }
  file_.write(make_safetensors_header(tensors_, metadata));
}

void SafetensorsWriter::append(const at::Tensor& values) {
  LF_ASSERT(next_ < tensors_.size(), "all {} tensors are written", tensors_.size());
  const TensorInfo& info = tensors_[next_++];
  LF_ASSERT(values.sizes() == at::IntArrayRef(info.shape), "tensor '{}' of {} given as {}", info.name,
            describe(info.shape), describe(values.sizes().vec()));
  const HostBytes host = host_bytes(values.detach().to(platform::to_torch(info.dtype)));
  file_.write(host.bytes.data(), host.bytes.size());
}

FileRecord SafetensorsWriter::finish() {
  LF_ASSERT(next_ == tensors_.size(), "{} of {} tensors are written", next_, tensors_.size());
  file_.finish();
  return {file_.path().filename().string(), file_.size(), checksum_text(file_.digest())};
}

FileRecord write_safetensors(const std::filesystem::path& path, const std::map<std::string, at::Tensor>& tensors) {
  std::vector<TensorInfo> infos;
  for (const auto& [name, tensor] : tensors) {
    infos.push_back({name, platform::from_torch(tensor.scalar_type()), tensor.sizes().vec()});
  }
  SafetensorsWriter writer(path, std::move(infos));
  for (const TensorInfo& info : writer.tensors()) writer.append(tensors.at(info.name));
  return writer.finish();
}

}  // namespace loongforge::ckpt
