// SPDX-License-Identifier: Apache-2.0
// Files to memory: every parameter accounted for, then only what this rank's boxes need is read.
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/GradMode.h>

#include <algorithm>

#include "ckpt/host_bytes.h"
#include "loongforge/ckpt/boxes.h"
#include "loongforge/ckpt/reshard.h"
#include "loongforge/core/error.h"
#include "loongforge/core/text.h"
#include "loongforge/platform/dtype.h"

namespace loongforge::ckpt {

namespace {

bool matches_any(const std::vector<std::string>& patterns, const std::string& name) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const auto& pattern) { return glob_match(pattern, name); });
}

/// Where each published tensor of the model is found.
class Census {
 public:
  Census(const TensorSet& files, const LoadOptions& options) : files_(files), options_(options) {}

  void add(const spec::Piece& piece) {
    if (source_.count(piece.hf_name) || missing_.count(piece.hf_name)) return;
    std::string first = files_.contains(piece.hf_name) ? piece.hf_name : "";
    for (const auto& copy : piece.copies) {
      if (!files_.contains(copy)) continue;
      if (first.empty()) first = copy;
      report.tied.push_back(copy);
      if (first != copy) compare_copies(first, copy);
    }
    if (first.empty()) return add_missing(piece.hf_name);
    check_shape(first, piece);
    source_[piece.hf_name] = first;
    if (first == piece.hf_name) report.loaded.push_back(first);
    for (const auto& name : {first, piece.hf_name}) {
      if (const auto* info = files_.find(name)) report.dtypes[name] = info->dtype;
    }
    for (const auto& copy : report.tied) report.dtypes[copy] = files_.find(copy)->dtype;
  }

  /// Call when all pieces were added: what is left in the files is unused.
  void finish() {
    for (auto* names : {&report.loaded, &report.initialised, &report.tied}) std::sort(names->begin(), names->end());
    for (const auto& name : files_.names()) {
      const auto listed = [&](const auto& names) { return std::binary_search(names.begin(), names.end(), name); };
      if (listed(report.loaded) || listed(report.tied)) continue;
      report.unused.push_back(name);
      if (!matches_any(options_.may_ignore, name)) {
        problems_.push_back(fmt::format("{} ({}) is used by no parameter", name, files_.file_of(name).filename().string()));
      }
    }
    if (problems_.empty()) return;
    std::string text = fmt::format("{} does not fit the model: {} problem{}", files_.folder().string(), problems_.size(),
                                   problems_.size() == 1 ? "" : "s");
    for (size_t i = 0; i < std::min<size_t>(problems_.size(), 12); ++i) text += "; " + problems_[i];
    if (problems_.size() > 12) text += fmt::format("; and {} more", problems_.size() - 12);
    throw CheckpointError(text, "check that config.json and the weights belong together");
  }

  /// The name in the files, or empty when the tensor is to be initialised.
  std::string source(const std::string& hf_name) const {
    const auto found = source_.find(hf_name);
    return found == source_.end() ? "" : found->second;
  }

  LoadReport report;

 private:
  void add_missing(const std::string& name) {
    missing_.insert(name);
    if (matches_any(options_.may_initialise, name)) report.initialised.push_back(name);
    else problems_.push_back(name + " is missing");
  }
  void check_shape(const std::string& name, const spec::Piece& piece) {
    const auto& shape = files_.find(name)->shape;
    if (shape == piece.hf_shape) return;
    problems_.push_back(fmt::format("{} has shape {}, the model wants {}", name, describe(shape), describe(piece.hf_shape)));
  }
  void compare_copies(const std::string& a, const std::string& b) {
    if (!options_.verify_copies) return;
    const auto first = files_.tensor(a), second = files_.tensor(b);
    if (first.sizes() == second.sizes() && first.scalar_type() == second.scalar_type() && same_bits(first, second)) return;
    problems_.push_back(fmt::format("{} and {} are tied but differ", a, b));
  }

  const TensorSet& files_;
  const LoadOptions& options_;
  std::map<std::string, std::string> source_;
  std::set<std::string> missing_;
  std::vector<std::string> problems_;
};

/// Writes the initial values of `part` of a target.
void initialise_part(const comm::PlacedBox& target, const spec::Piece& piece, const spec::Box& part, uint64_t seed) {
  const at::Tensor index = at::arange(spec::numel(piece.hf_shape), at::TensorOptions().dtype(at::ScalarType::Long));
  const at::Tensor wanted = box_view(piece_view(piece, index.view(piece.hf_shape)), piece.dst_box, part).contiguous();
  const HostBytes indices = host_bytes(wanted);
  std::vector<double> values(static_cast<size_t>(wanted.numel()));
  for (size_t i = 0; i < values.size(); ++i) {
    int64_t at = 0;
    std::memcpy(&at, indices.bytes.data() + i * sizeof(at), sizeof(at));
    values[i] = spec::init_value(target.spec->init, seed, piece.hf_name, piece.hf_shape, static_cast<uint64_t>(at));
  }
  const at::Tensor host = at::from_blob(values.data(), part.size, at::TensorOptions().dtype(at::ScalarType::Double));
  box_view(target.data, target.logical, part).copy_(host);
}

}  // namespace

std::string LoadReport::summary() const {
  return fmt::format("{} tensors ({}) loaded, {} tied, {} initialised, {} unused{}", loaded.size(), format_bytes(bytes),
                     tied.size(), initialised.size(), unused.size(), unused.empty() ? "" : ": " + join_names(unused, 6));
}

LoadReport load_published(const TensorSet& source, ParamList params, std::span<const comm::PlacedBox> targets,
                          const LoadOptions& options) {
  c10::AutoGradMode no_recording(false);
  Census census(source, options);
  for (const auto* param : params) {
    for (const auto& piece : param->pieces) census.add(piece);
  }
  census.finish();
  for (const auto& target : targets) {
    std::vector<spec::Box> rest{target.logical};
    for (const auto& piece : target.spec->pieces) {
      const auto part = spec::intersect(piece.dst_box, target.logical);
      if (!part || part->numel() == 0) continue;
      rest = subtract(rest, *part);
      const std::string name = census.source(piece.hf_name);
      if (name.empty()) {
        initialise_part(target, piece, *part, options.seed);
        continue;
      }
      const at::Tensor from = box_view(piece_view(piece, source.tensor(name)), piece.dst_box, *part);
      box_view(target.data, target.logical, *part).copy_(from);
      census.report.bytes += static_cast<uint64_t>(part->numel()) * dtype_size(source.find(name)->dtype);
    }
    for (const auto& box : rest) box_view(target.data, target.logical, box).zero_();
  }
  return std::move(census.report);
}

void initialise(std::span<const comm::PlacedBox> targets, uint64_t seed) {
  c10::AutoGradMode no_recording(false);
  for (const auto& target : targets) {
    for (const auto& piece : target.spec->pieces) {
      const auto part = spec::intersect(piece.dst_box, target.logical);
      if (part && part->numel() > 0) initialise_part(target, piece, *part, seed);
    }
  }
}

}  // namespace loongforge::ckpt
