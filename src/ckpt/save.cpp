// SPDX-License-Identifier: Apache-2.0
// Memory to files: published tensors dealt over files, files over ranks, each file written front to back by one rank.
#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "ckpt/descriptors.h"
#include "loongforge/ckpt/boxes.h"
#include "loongforge/ckpt/reshard.h"
#include "loongforge/core/error.h"
#include "loongforge/core/failpoint.h"
#include "loongforge/core/json.h"
#include "loongforge/core/text.h"
#include "loongforge/platform/dtype.h"

namespace loongforge::ckpt {

namespace {

namespace fs = std::filesystem;

struct Published {
  std::string name;      ///< on disk
  std::string hf_name;   ///< of the pieces that make it
  const spec::ParamSpec* param = nullptr;
  spec::Shape shape;
  Dtype dtype = Dtype::f32;
  uint64_t bytes() const { return static_cast<uint64_t>(spec::numel(shape)) * dtype_size(dtype); }
};

struct PlannedFile {
  std::string name;
  int writer = 0;
  std::vector<Published> tensors;
};

/// Element type in memory of each parameter, agreed over the ranks.
std::map<std::string, Dtype> memory_dtypes(std::span<const comm::PlacedBox> sources, const comm::Group& group) {
  std::map<std::string, Dtype> dtypes;
  for (const auto& of_rank : gather_descriptors(sources, group)) {
    for (const auto& box : of_rank) dtypes.emplace(box.param, box.dtype);
  }
  return dtypes;
}

std::vector<Published> list_tensors(ParamList params, const std::map<std::string, Dtype>& in_memory,
                                    const SaveOptions& options) {
  std::vector<Published> tensors;
  std::set<std::string> seen;
  for (const auto* param : params) {
    const auto memory = in_memory.find(param->name);
    if (memory == in_memory.end()) throw std::logic_error("no rank holds " + param->name);
    for (const auto& piece : param->pieces) {
      if (!seen.insert(piece.hf_name).second) continue;
      const Dtype dtype = options.dtype ? options.dtype(*param, piece.hf_name, memory->second) : memory->second;
      tensors.push_back({piece.hf_name, piece.hf_name, param, piece.hf_shape, dtype});
      for (const auto& copy : piece.copies) {
        if (options.copies.count(copy)) tensors.push_back({copy, piece.hf_name, param, piece.hf_shape, dtype});
      }
    }
  }
  return tensors;
}

std::vector<PlannedFile> deal(const std::vector<Published>& tensors, const std::string& stem, int ranks,
                              const SaveOptions& options) {
  uint64_t total = 0;
  for (const auto& tensor : tensors) total += tensor.bytes();
  // Several ranks write when that leaves files large enough.
  const uint64_t share = std::max(options.min_file_bytes, total / static_cast<uint64_t>(ranks) + 1);
  const uint64_t limit = std::min(options.max_file_bytes, share);
  std::vector<PlannedFile> files(1);
  uint64_t filled = 0;
  for (const auto& tensor : tensors) {
    if (!files.back().tensors.empty() && filled + tensor.bytes() > limit) {
      files.emplace_back();
      filled = 0;
    }
    files.back().tensors.push_back(tensor);
    filled += tensor.bytes();
  }
  for (size_t i = 0; i < files.size(); ++i) {
    files[i].writer = static_cast<int>(i) % ranks;
    files[i].name = files.size() == 1 ? stem + ".safetensors"
                                      : fmt::format("{}-{:05}-of-{:05}.safetensors", stem, i + 1, files.size());
  }
  return files;
}

/// The stored tensor that a frozen one was loaded from: itself, or a tied copy. Empty: there is none.
std::string stored_name(const Published& tensor, const TensorSet* files) {
  if (!files || tensor.param->update != spec::Update::frozen) return "";
  std::vector<std::string> names{tensor.name, tensor.hf_name};
  for (const auto& piece : tensor.param->pieces) {
    if (piece.hf_name == tensor.hf_name) names.insert(names.end(), piece.copies.begin(), piece.copies.end());
  }
  const auto found = std::find_if(names.begin(), names.end(), [&](const auto& name) { return files->contains(name); });
  return found == names.end() ? "" : *found;
}

/// The tensors of a file in host memory or in a mapped file, and the boxes that fill the former.
struct Assembly {
  std::map<std::string, at::Tensor> values;
  std::vector<comm::PlacedBox> targets;
};

Assembly allocate(const PlannedFile& file, const TensorSet* frozen_from) {
  Assembly assembly;
  for (const auto& tensor : file.tensors) {
    if (const auto stored = stored_name(tensor, frozen_from); !stored.empty()) {
      assembly.values[tensor.name] = frozen_from->tensor(stored);
      continue;
    }
    auto values = at::empty(tensor.shape, at::TensorOptions().dtype(platform::to_torch(tensor.dtype)));
    for (const auto& piece : tensor.param->pieces) {
      if (piece.hf_name != tensor.hf_name) continue;
      assembly.targets.push_back({tensor.param, piece.dst_box, piece_view(piece, values)});
    }
    assembly.values[tensor.name] = std::move(values);
  }
  return assembly;
}

FileRecord write(const fs::path& folder, const PlannedFile& file, const Assembly& assembly) {
  std::vector<TensorInfo> infos;
  for (const auto& tensor : file.tensors) infos.push_back({tensor.name, tensor.dtype, tensor.shape, 0, 0});
  SafetensorsWriter writer(folder / file.name, std::move(infos));
  bool first = true;
  for (const auto& info : writer.tensors()) {
    writer.append(assembly.values.at(info.name));
    if (std::exchange(first, false)) failpoint("ckpt.writing");
  }
  FileRecord record = writer.finish();
  record.name = file.name;
  return record;
}

/// Notices a full disk before anything is written. File systems that don't know their size are trusted.
void check_space(const fs::path& folder, const std::vector<Published>& tensors) {
  uint64_t need = 0;
  for (const auto& tensor : tensors) need += tensor.bytes();
  std::error_code error;
  const fs::space_info space = fs::space(folder, error);
  if (error || space.capacity == 0 || space.available >= need) return;
  throw ResourceError(fmt::format("cannot write {} to {}: only {} are free there", format_bytes(need), folder.string(),
                                  format_bytes(space.available)),
                      "free some space on that file system, or point the output elsewhere (run.output_dir)");
}

FileRecord write_index(const fs::path& folder, const std::string& stem, const std::vector<PlannedFile>& files) {
  Json weight_map = Json::object();
  uint64_t total = 0;
  std::map<std::string, std::string> sorted;
  for (const auto& file : files) {
    for (const auto& tensor : file.tensors) {
      sorted[tensor.name] = fs::path(file.name).filename().string();
      total += tensor.bytes();
    }
  }
  for (const auto& [name, file] : sorted) weight_map[name] = file;
  const std::string name = stem + ".safetensors.index.json";
  const std::string text = Json{{"metadata", {{"total_size", total}}}, {"weight_map", weight_map}}.dump(2) + "\n";
  FileWriter writer(folder / name);
  writer.write(text);
  writer.finish();
  return {name, writer.size(), checksum_text(writer.digest())};
}

/// The records of all ranks, in the order of the files. Collective.
std::vector<FileRecord> gather_records(const std::vector<FileRecord>& mine, const comm::Group& group) {
  Json list = Json::array();
  for (const auto& record : mine) list.push_back({record.name, record.size, record.checksum});
  std::vector<FileRecord> all;
  for (const auto& bytes : group.all_gather_bytes(list.dump())) {
    for (const auto& entry : Json::parse(bytes)) all.push_back({entry[0], entry[1], entry[2]});
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return all;
}

}  // namespace

DtypeRule disk_dtype(std::optional<Dtype> fallback, std::map<std::string, Dtype> as_loaded) {
  return [fallback, as_loaded = std::move(as_loaded)](const spec::ParamSpec& param, const std::string& published,
                                                      Dtype in_memory) {
    if (param.dtype.disk) return *param.dtype.disk;
    const auto found = as_loaded.find(published);
    if (found != as_loaded.end()) return found->second;
    return fallback.value_or(in_memory);
  };
}

std::vector<FileRecord> save_published(const fs::path& folder, const std::string& stem, ParamList params,
                                       std::span<const comm::PlacedBox> sources, const comm::Group& group,
                                       const SaveOptions& options) {
  c10::AutoGradMode no_recording(false);
  const auto tensors = list_tensors(params, memory_dtypes(sources, group), options);
  const auto files = deal(tensors, stem, group.size(), options);
  together(group, [&] {
    make_folders((folder / stem).parent_path());
    if (group.rank() == 0) check_space(folder, tensors);
  });
  std::vector<FileRecord> mine;
  // One file a rank at a time: the host memory of a save is the bytes of one file.
  for (size_t begin = 0; begin < files.size(); begin += static_cast<size_t>(group.size())) {
    const PlannedFile* own = nullptr;
    for (size_t i = begin; i < std::min(files.size(), begin + static_cast<size_t>(group.size())); ++i) {
      if (files[i].writer == group.rank()) own = &files[i];
    }
    Assembly assembly;
    if (own) assembly = allocate(*own, options.frozen_from);
    redistribute(sources, assembly.targets, group, options.exchange);
    together(group, [&] { if (own) mine.push_back(write(folder, *own, assembly)); });
  }
  together(group, [&] {
    if (files.size() > 1 && group.rank() == 0) mine.push_back(write_index(folder, stem, files));
  });
  return gather_records(mine, group);
}

}  // namespace loongforge::ckpt
