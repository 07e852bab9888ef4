// SPDX-License-Identifier: Apache-2.0
// Which checkpoint a run goes on from, by run.resume.
#include "loongforge/core/error.h"
#include "loongforge/core/log.h"
#include "train/saved_state.h"
#include "trainer_impl.h"

namespace loongforge::train {

namespace fs = std::filesystem;

namespace {

/// The newest whole checkpoint of a folder, every byte checked. What is damaged is told and passed over.
std::optional<ckpt::Checkpoint> newest_whole(ckpt::CheckpointStore& store, bool tell) {
  auto selection = store.newest(/*verify_checksums=*/true);
  if (!selection.checkpoint && !selection.damaged.empty()) {
    throw CheckpointError(selection.damaged.front(),
                          fmt::format("no checkpoint in {} is whole: restore that file, or start anew with run.resume=never",
                                      store.root().string()));
  }
  for (const auto& line : selection.damaged) {
    if (tell) log_warning("{}: damaged, going on from the checkpoint before it", line);
  }
  return selection.checkpoint;
}

}  // namespace

std::optional<ckpt::Checkpoint> Trainer::Impl::find_origin() {
  if (config.run.resume == "never") return std::nullopt;
  if (config.run.resume == "auto") return newest_whole(*checkpoints, first_rank());
  const fs::path named = fs::weakly_canonical(config.run.resume);
  const auto descends = [&](const std::optional<ckpt::Checkpoint>& own) {
    return own && read_saved_state(own->folder).resumed_from == named.string();
  };
  // The same command again, by a person or by a launcher that restarts, goes on instead of rewinding once more.
  if (descends(checkpoints->newest().checkpoint)) {
    const auto own = newest_whole(*checkpoints, first_rank());
    if (descends(own)) {
      if (first_rank()) log_info("{} goes on from {}", own->folder.string(), named.string());
      return own;
    }
  }
  const bool own_folder = named == fs::weakly_canonical(config.run.output_dir);
  const auto& world = stage->groups().world;
  const bool marked = first_rank() && fs::exists(named / "manifest.json");
  std::optional<ckpt::Checkpoint> found;
  if (world.all_reduce_host({marked ? 1.0 : 0.0})[0] != 0) {
    found = checkpoints->open(named, /*verify_checksums=*/true);
  } else if (own_folder) {
    found = newest_whole(*checkpoints, first_rank());
  } else {
    ckpt::CheckpointStore other(named, world, {.read_only = true});
    found = newest_whole(other, first_rank());
  }
  if (!found) {
    throw CheckpointError(fmt::format("run.resume: {} is no checkpoint, and no run's folder with one", named.string()),
                          "name a folder that holds step_… folders, or one of these");
  }
  if (!own_folder) resumed_from = named.string();
  return found;
}

}  // namespace loongforge::train
