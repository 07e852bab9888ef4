// SPDX-License-Identifier: Apache-2.0
// BlockRun: one block's forward for one microbatch, and its backward. The graph begins at the block's inputs and ends at its
// outputs and losses.
#pragma once
#include <ATen/core/Tensor.h>

#include <map>
#include <string>
#include <vector>

#include "loongforge/nn/block.h"

namespace loongforge::pipeline {

/// Gradients of state entries by name.
using StateGrads = std::map<std::string, at::Tensor, std::less<>>;

class BlockRun {
 public:
  explicit BlockRun(nn::Block& block) : block_(&block) {}

  /// Runs the block and keeps what its backward needs: the graph, or with `recompute` the inputs only. The emitted losses
  /// are left in context.losses with their sums detached. The returned state carries no graph.
  step::State forward(step::State inputs, const step::MicroBatch& batch, step::StepContext& context, bool recompute);

  /// Runs the backward over the outputs that have a gradient and all losses, and returns the gradients of the inputs.
  /// Frees everything kept.
  StateGrads backward(StateGrads grads, const step::MicroBatch& batch, step::StepContext& context);

  /// Without gradients: evaluation and inference.
  static step::State evaluate(nn::Block& block, step::State inputs, const step::MicroBatch& batch, step::StepContext& context);

 private:
  void record(step::State inputs, const step::MicroBatch& batch, step::StepContext& context);

  nn::Block* block_;
  step::State inputs_;   // leaves of the graph; with recompute plain tensors until the backward
  step::State outputs_;  // with their graph
  std::vector<step::LossTerm> losses_;
  bool recompute_ = false;
};

}  // namespace loongforge::pipeline
