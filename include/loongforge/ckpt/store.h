// SPDX-License-Identifier: Apache-2.0
// The checkpoint store: a folder of checkpoints, each committed by its manifest (docs/checkpoint_format.md).
#pragma once
#include <compare>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "loongforge/ckpt/reshard.h"

namespace loongforge::ckpt {

/// Orders checkpoints: a rewind, or a resume from anything but the newest, starts a new generation, so an abandoned
/// branch never wins.
struct CheckpointId {
  int64_t generation = 0, step = 0;
  friend auto operator<=>(const CheckpointId&, const CheckpointId&) = default;
  /// "step_00000500", "step_00000500.g1".
  std::string name() const;
};

/// The commit mark of a checkpoint.
struct Manifest {
  CheckpointId id;
  std::optional<CheckpointId> parent;  ///< what its run had started from
  int world_size = 1;
  std::string config_hash;
  std::vector<FileRecord> files;
};

/// A committed checkpoint.
struct Checkpoint {
  std::filesystem::path folder;
  Manifest manifest;
  const CheckpointId& id() const { return manifest.id; }
};

struct StoreOptions {
  int keep_last = 3;       ///< newest checkpoints kept; < 1 keeps all
  int64_t keep_every = 0;  ///< also keep steps that are multiples of it; 0: none
  bool read_only = false;  ///< of another run, perhaps still under way: newest() tidies nothing
  bool use_rename = true;  ///< false for object stores: the final name from the start, the manifest last
};

/// What newest() found.
struct Selection {
  std::optional<Checkpoint> checkpoint;
  std::vector<std::string> damaged;  ///< one line for each newer checkpoint that has a manifest but wrong files
};

/// One save under way. Every member is collective over the store's group and takes the same arguments on every rank
/// (but for `sources`). Errors are thrown on every rank. Destroyed without commit(): its folder is removed.
class Save {
 public:
  ~Save();
  Save(Save&&) noexcept;

  /// Tensors under `<stem>…safetensors`: "model", "optimizer/exp_avg", …
  void tensors(const std::string& stem, ParamList params, std::span<const comm::PlacedBox> sources,
               const SaveOptions& options = {});
  /// A JSON file ("config.json", "trainer.json"), two-space indent.
  void json(const std::string& name, const nlohmann::ordered_json& value);
  /// Copies a file verbatim under its own name.
  void copy(const std::filesystem::path& file);
  /// Writes the manifest, renames, points LATEST at it, drops old checkpoints.
  Checkpoint commit();

  const std::filesystem::path& folder() const;

 private:
  friend class CheckpointStore;
  struct Impl;
  explicit Save(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Members are collective over the group unless said otherwise; the folder is shared by the ranks.
class CheckpointStore {
 public:
  CheckpointStore(std::filesystem::path root, comm::Group group, StoreOptions options = {});

  /// The newest checkpoint with a valid manifest and files of the right sizes (and checksums, when asked; the ranks
  /// share that work). Unless read_only, finishes renames that a crash left, and removes incomplete saves (".tmp"); folders
  /// of a final name without a manifest stay (somebody may be copying them) and never count.
  Selection newest(bool verify_checksums = false);
  /// A committed checkpoint by its folder, for `run.resume: PATH`. Throws CheckpointError when it is not one or is damaged.
  Checkpoint open(const std::filesystem::path& folder, bool verify_checksums = false);

  /// Declares what this run continues from (nothing: from scratch): saves go into its generation when it is the newest
  /// in the store or the store is empty, else into a new one. Call before begin().
  void continue_from(const std::optional<Checkpoint>& parent);
  int64_t generation() const { return generation_; }

  /// Starts `step_N.tmp/`. Throws CheckpointError when that step is already committed in this generation.
  Save begin(int64_t step, std::string config_hash = {});
  /// Is that step committed in this generation?
  bool committed(int64_t step);

  /// All committed checkpoints under the root, oldest first. Not collective.
  std::vector<Checkpoint> list() const;
  const std::filesystem::path& root() const { return root_; }

 private:
  std::filesystem::path root_;
  comm::Group group_;
  StoreOptions options_;
  int64_t generation_ = 0;
  std::optional<CheckpointId> parent_;
};

}  // namespace loongforge::ckpt
