// SPDX-License-Identifier: Apache-2.0
// trainer.json of a checkpoint, read back.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "loongforge/core/dtype.h"
#include "loongforge/optim/optimizer.h"

namespace loongforge::train {

struct SavedState {
  int64_t step = 0, total_steps = 0, consumed_samples = 0;
  int64_t global_batch_size = 0;  ///< samples a step; 0: written by a version that didn't tell
  optim::StepCounts counts;
  std::map<std::string, Dtype> dtypes;  ///< element types on disk by published name
  std::set<std::string> copies;         ///< tied copies that the source stored
  std::string resumed_from;             ///< what run.resume named when the run began; empty: nothing
};

/// Throws CheckpointError naming the file and the key that is missing or malformed.
SavedState read_saved_state(const std::filesystem::path& checkpoint_folder);

}  // namespace loongforge::train
