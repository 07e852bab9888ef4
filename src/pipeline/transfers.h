// SPDX-License-Identifier: Apache-2.0
// Transfers: states and their gradients between stages, without deadlock: receives are posted ahead, sends are never
// waited for inside a step (systems §4.3).
#pragma once
#include <ATen/core/Tensor.h>

#include <deque>
#include <map>
#include <tuple>
#include <vector>

#include "loongforge/pipeline/executor.h"
#include "pipeline/block_run.h"

namespace loongforge::pipeline {

/// What crosses the border behind each virtual stage but the last: the state entries that blocks before it make and blocks
/// behind it read, in the order in which they were made.
std::vector<std::vector<spec::StateEntry>> border_entries(const spec::ModelSpec& model, const std::vector<Stage>& stages);

class Transfers {
 public:
  Transfers(const ExecutorSetup& setup);

  void begin(std::span<const step::MicroBatch> batches, at::ScalarType dtype, int64_t step);
  /// Posts the receives of an operation's inputs, if they come from another rank; a second call does nothing.
  void post(const Op& op);
  /// The input of a forward; empty for the first stage. Waits for it.
  step::State receive_state(int stage, int microbatch);
  /// Gradients of the outputs of a stage; empty for the last one.
  StateGrads receive_grads(int stage, int microbatch);
  void send_state(int stage, int microbatch, const step::State& state);
  void send_grads(int stage, int microbatch, const StateGrads& grads);
  /// Waits for the sends.
  void finish();
  double wait_seconds() const { return wait_seconds_; }

 private:
  struct Message {
    std::vector<at::Tensor> tensors;  ///< one per border entry that is carried
    std::vector<comm::Work> works;
  };
  using Id = std::tuple<OpKind, int, int>;

  int other_stage(const Op& op) const { return op.kind == OpKind::forward ? op.stage - 1 : op.stage + 1; }
  int border_of(const Op& op) const { return op.kind == OpKind::forward ? op.stage - 1 : op.stage; }
  bool exists(int stage) const { return stage >= 0 && stage < static_cast<int>(setup_.stages.size()); }
  bool remote(int stage) const { return setup_.stages[stage].owner != setup_.pp.rank(); }
  bool carried(OpKind kind, const spec::StateEntry& entry) const { return kind == OpKind::forward || entry.differentiable; }
  int64_t tag(const Op& op, size_t entry) const;
  std::vector<int64_t> shape(const spec::StateEntry& entry, int microbatch) const;
  /// Tensors of the message that `op` consumes.
  std::vector<at::Tensor> take(const Op& op);
  /// Hands over what the operation `to` consumes.
  void deliver(const Op& to, std::vector<at::Tensor> tensors);
  void reap();

  const ExecutorSetup& setup_;
  std::vector<std::vector<spec::StateEntry>> borders_;
  std::span<const step::MicroBatch> batches_;
  at::ScalarType dtype_ = at::kFloat;
  int64_t step_ = 0;
  std::map<Id, Message> incoming_;
  std::deque<std::pair<at::Tensor, comm::Work>> outgoing_;
  double wait_seconds_ = 0;
};

}  // namespace loongforge::pipeline
