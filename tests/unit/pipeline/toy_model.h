// SPDX-License-Identifier: Apache-2.0
// A small model of the tests' own: an input block, residual blocks with a tensor-parallel region, a state entry injected
// into later blocks, a parameter that not every microbatch uses, and a loss whose weight is tied to the input's.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "loongforge/nn/block.h"
#include "loongforge/spec/model_spec.h"

namespace loongforge::toy {

inline constexpr int64_t kFeatures = 6, kWidth = 8, kInner = 10;

struct Shape {
  int layers = 3;
  bool tied = true;
};

/// Blocks: input, layers, loss.
spec::ModelSpec make_spec(const Shape& shape);
std::unique_ptr<nn::Block> make_block(const spec::BlockSpec& spec, const std::vector<step::Param*>& params);
/// Batch `index` of `rows` rows, of which a rank of the sequence-parallel region holds rows/region. Even ones use the gates.
step::MicroBatch make_batch(int64_t index, int64_t rows, int64_t region);
/// Σ of row weights of a batch.
double batch_weight(int64_t index, int64_t rows);

}  // namespace loongforge::toy
