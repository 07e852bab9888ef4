// SPDX-License-Identifier: Apache-2.0
// Executor: runs a schedule over this rank's blocks. The graph is cut at block borders: each block's backward runs over its
// outputs and emitted losses, so recompute, sharding, transfer and timing hook these borders only (systems §4).
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "loongforge/comm/group.h"
#include "loongforge/nn/block.h"
#include "loongforge/parallel/block_hooks.h"
#include "loongforge/pipeline/recompute.h"
#include "loongforge/spec/model_spec.h"
#include "loongforge/step/context.h"
#include "loongforge/step/state.h"

namespace loongforge::pipeline {

enum class OpKind : uint8_t { forward, backward };
/// One operation of a rank's list: forward or backward of virtual stage `stage` for microbatch `microbatch`.
struct Op {
  OpKind kind = OpKind::forward;
  int stage = 0;
  int microbatch = 0;
};

/// A virtual stage: consecutive blocks of the model and the pp rank that runs them.
struct Stage {
  int begin = 0, end = 0;  ///< blocks [begin, end) of ModelSpec::blocks
  int owner = 0;           ///< pp rank
};

struct ExecutorSetup {
  const spec::ModelSpec* model = nullptr;
  std::vector<Stage> stages;              ///< all virtual stages in model order, the same on every rank
  std::vector<nn::PlacedBlock> blocks;    ///< of this rank's stages, ascending in the model
  comm::Group pp;
  std::map<std::string, step::Seams, std::less<>> seams;  ///< by component; missing components use the entry ""
  std::vector<parallel::BlockHooks*> hooks;               ///< before_* in this order, after_* in reverse
  Recompute recompute;
  c10::Device device = c10::Device(c10::kCPU);
  int look_ahead = 2;                     ///< operations whose inputs are awaited in advance
};

/// What all microbatches of a step share.
struct StepSettings {
  step::Phase phase = step::Phase::train;
  int64_t step = 0;
  RngKey key;
  at::ScalarType compute_dtype = at::kFloat;
  std::map<std::string, double, std::less<>> seeds;  ///< StepContext::seeds
  std::vector<int64_t> microbatch_ids;               ///< StepContext::microbatch of each; default 0, 1, …
};

/// Sum of a loss term over this rank's microbatches and blocks, before any reduction over ranks.
struct LossSum {
  at::Tensor sum;         ///< device scalar
  double weight_sum = 0;
  double coefficient = 1;
};

struct StepResult {
  std::map<std::string, LossSum, std::less<>> losses;
  double host_seconds = 0;   ///< spent in run() on the host
  double wait_seconds = 0;   ///< of these, waiting for other stages
};

class Executor {
 public:
  explicit Executor(ExecutorSetup setup);
  ~Executor();
  /// Runs `ops` (this rank's list) over `batches`; in Phase::eval and infer only the forwards. Extents of states
  /// received from other stages: a number, or a name x read as batch.host("extent.x")[0]; by convention "rows" is the number
  /// of rows local to the rank (already divided by tp under sequence parallelism). Received states have the compute dtype.
  /// Errors: CommError from a lost peer; what blocks throw.
  StepResult run(std::span<const Op> ops, std::span<const step::MicroBatch> batches, const StepSettings& settings);
  /// One more observer of block borders, inside those of the setup; it must outlive the executor's runs.
  void add_hooks(parallel::BlockHooks& hooks);
  /// The blocks, for inspection.
  std::span<nn::PlacedBlock> blocks();

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

/// The list of a run without pipeline: F0 B0 F1 B1 ….
std::vector<Op> one_stage_ops(int microbatches);

}  // namespace loongforge::pipeline
