// SPDX-License-Identifier: Apache-2.0
// The resharding engine: moves parts of logical tensors between published files and boxes in ranks' memory, whatever
// layout either side has. Saving, loading, changing the layout and gathering for a comparison are all this.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "loongforge/ckpt/model_dir.h"
#include "loongforge/comm/group.h"
#include "loongforge/comm/placed_box.h"

namespace loongforge::ckpt {

using ParamList = std::span<const spec::ParamSpec* const>;

// ---- memory to memory

struct ExchangeOptions {
  uint64_t round_bytes = uint64_t{256} << 20;  ///< a rank sends about this much at once
};

/// Fills `targets` from the `sources` of all ranks. Collective. Element types may differ (values are converted at the
/// target; equal types keep every bit). Bytes that several ranks have come from the target's own rank if it has them,
/// else from the lowest that has. Bytes that nobody has are an internal error (std::logic_error) on every rank.
void redistribute(std::span<const comm::PlacedBox> sources, std::span<const comm::PlacedBox> targets,
                  const comm::Group& group, const ExchangeOptions& options = {});

// ---- files to memory

struct LoadOptions {
  /// Shell patterns of published names that may be missing and are then initialised from `seed`.
  std::vector<std::string> may_initialise;
  /// Shell patterns of published names in the files that nothing uses.
  std::vector<std::string> may_ignore = {"*rotary_emb.inv_freq", "*rotary_pos_emb.inv_freq", "*.attn.masked_bias"};
  uint64_t seed = 0;
  bool verify_copies = true;  ///< compare tied copies, where both are stored, byte by byte
};

/// What became of every parameter and of every tensor in the files. All names are published names, sorted.
struct LoadReport {
  std::vector<std::string> loaded, initialised, unused;
  std::vector<std::string> tied;          ///< copies in the files that equal a tensor already loaded (or stood in for it)
  std::map<std::string, Dtype> dtypes;    ///< of each loaded or tied tensor in the files
  uint64_t bytes = 0;                     ///< read for this rank's targets
  /// "290 tensors (1.21 GiB) loaded, 1 tied, 0 initialised, 2 unused: …"
  std::string summary() const;
};

/// Fills `targets` (this rank's boxes) from a set of published tensors, reading only what they need. `params` are all
/// distinct parameters of the model, on whatever rank: each is checked for presence and shape on every rank. Values
/// are converted to the targets' element types; elements that no piece fills become zero. Throws CheckpointError that lists all problems: missing tensors not
/// allowed to be initialised, wrong shapes (both named), tied copies that differ, unused tensors not allowed.
LoadReport load_published(const TensorSet& source, ParamList params, std::span<const comm::PlacedBox> targets,
                          const LoadOptions& options = {});
inline LoadReport load_published(const ModelDir& source, ParamList params, std::span<const comm::PlacedBox> targets,
                                 const LoadOptions& options = {}) {
  return load_published(source.tensors(), params, targets, options);
}

/// Fills `targets` with their parameters' initial values (spec::init_value by published name and element), so that they
/// don't depend on the layout.
void initialise(std::span<const comm::PlacedBox> targets, uint64_t seed);

// ---- memory to files

/// Element type on disk of one published tensor, given the parameter and the element type in memory.
using DtypeRule = std::function<Dtype(const spec::ParamSpec&, const std::string& published, Dtype in_memory)>;
/// For weights: the parameter's own disk type, else that of `as_loaded`, else `fallback`, else that in memory.
DtypeRule disk_dtype(std::optional<Dtype> fallback, std::map<std::string, Dtype> as_loaded = {});

struct SaveOptions {
  DtypeRule dtype;                     ///< unset: the element type in memory
  std::set<std::string> copies;        ///< tied copies to write too (those the source had: LoadReport::tied)
  uint64_t max_file_bytes = 5'000'000'000;
  uint64_t min_file_bytes = uint64_t{1} << 30;  ///< don't cut smaller files only to have more writers
  /// What the frozen parameters were loaded from: tensors of theirs that it has are copied from there, so that their bits
  /// outlive a narrower element type in memory. Unset: written from memory. The same on every rank.
  const TensorSet* frozen_from = nullptr;
  ExchangeOptions exchange;
};

/// Writes the published tensors of `params` as `<folder>/<stem>.safetensors`, or as `<stem>-00001-of-0000N.safetensors`
/// and an index. Collective over `group`; `folder` exists. `params` is the same list on every rank, in the order of the
/// files; `sources` are this rank's boxes, any layout. Files are dealt over the ranks, each written front to back by
/// one. Returns the records of all files, named relative to `folder`, the same on every rank.
/// When a rank cannot write, every rank throws its error (ResourceError for a full or read-only disk).
std::vector<FileRecord> save_published(const std::filesystem::path& folder, const std::string& stem, ParamList params,
                                       std::span<const comm::PlacedBox> sources, const comm::Group& group,
                                       const SaveOptions& options = {});

}  // namespace loongforge::ckpt
