// SPDX-License-Identifier: Apache-2.0
// StepContext: what a block may know about the step it runs in: phase, indices, randomness, dtypes, seams, loss sink.
#pragma once
#include <ATen/core/Tensor.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "loongforge/core/rng.h"
#include "loongforge/step/seams.h"

namespace loongforge::step {

enum class Phase : uint8_t { train, eval, infer };

/// A differentiable sum over weighted elements. Its backward is seeded with coefficient / W, W being the weight_sum of the
/// term over the whole global batch; so gradients of all ranks and microbatches simply add up.
struct LossTerm {
  std::string name;
  at::Tensor sum;         ///< scalar in acc(dtype): Σ weight·loss of this microbatch on this rank
  double weight_sum = 0;  ///< Σ weight, host
  double coefficient = 1;
  bool seeded = false;    ///< the op that made `sum` has applied StepContext::seed(name) to its gradient already
};

/// Where recomputation, quantisation and debugging can tell apart the two forward passes of a block.
enum class Pass : uint8_t { forward, recompute };

struct StepContext {
  Phase phase = Phase::train;
  Pass pass = Pass::forward;
  int64_t step = 0;
  int64_t microbatch = 0;      ///< index in the global batch's order, layout-independent
  RngKey key;                  ///< (seed, step); blocks extend it with (sample, layer, site)
  at::ScalarType compute_dtype = at::kFloat;
  Seams seams;                 ///< of the block's component

  /// coefficient/W of each term, filled before the step's first forward; × loss scale in fp16. 0 when W = 0.
  std::map<std::string, double, std::less<>> seeds;
  double seed(std::string_view term) const;

  /// The loss sink: usable by any block on any stage.
  void add_loss(LossTerm term) { losses.push_back(std::move(term)); }
  std::vector<LossTerm> losses;

  /// Values a block keeps for the rest of this microbatch on this stage (rotary tables): made once, read by later blocks.
  std::map<std::string, at::Tensor, std::less<>> scratch;
};

}  // namespace loongforge::step
