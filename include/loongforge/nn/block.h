// SPDX-License-Identifier: Apache-2.0
// Block: the unit of a model. Recompute, ZeRO gather/free, offload, pipeline transfer and timing hook its boundaries only.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "loongforge/spec/model_spec.h"
#include "loongforge/step/context.h"
#include "loongforge/step/param.h"
#include "loongforge/step/state.h"

namespace loongforge::nn {

class Block {
 public:
  virtual ~Block() = default;
  /// Runs the block. Reads and extends `state`; may emit losses into `context`. Must be pure in its inputs (it is run
  /// twice under recompute) and must not keep tensors of the call.
  virtual step::State forward(step::State state, const step::MicroBatch& batch, step::StepContext& context) = 0;
};

/// A block placed on this rank, with what drives it.
struct PlacedBlock {
  const spec::BlockSpec* spec = nullptr;
  std::unique_ptr<Block> block;
  std::vector<step::Param*> params;  ///< in the order of spec->params
};

/// Makes one block: its spec, the model's spec, its Params in the order of BlockSpec::params.
using BlockFactory = std::function<std::unique_ptr<Block>(const spec::BlockSpec&, const spec::ModelSpec&,
                                                          const std::vector<step::Param*>&)>;
/// Host-side weight sums of a microbatch by loss term, known before any forward.
using LossWeights = std::function<std::map<std::string, double, std::less<>>(const step::MicroBatch&)>;

/// What train needs to build a family: factories by block kind, and its loss weights with coefficients.
struct ModelFactory {
  std::map<std::string, BlockFactory, std::less<>> blocks;
  LossWeights loss_weights;
  std::map<std::string, double, std::less<>> loss_coefficients;  ///< default 1
};

}  // namespace loongforge::nn
