// SPDX-License-Identifier: Apache-2.0
// One description of an operation that serves its tests, gradient checks, benchmarks and support queries.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "loongforge/step/function.h"

namespace loongforge::step {

/// Sizes of a transformer step that operations take theirs from.
struct OpSizes {
  int64_t rows = 2048, hidden = 512, ffn = 1408, classes = 8192;
  int64_t heads = 8, head_dim = 64;
  int64_t elements = int64_t{1} << 25;  ///< parameters of an optimizer's shard
};

/// An operation over fixed inputs.
struct OpCase {
  std::function<Tensors()> run;  ///< once, forward and backward: outputs, then gradients
  double flops = 0;              ///< of its matrix products, per run
  double bytes = 0;              ///< that a run must read and write at least
  Tensors inputs;                ///< what `run` reads, to be tampered with
};

struct OpDescription {
  std::string name, what;
  /// Inputs are the same numbers for every compute type: drawn, then rounded to `storage`.
  std::function<OpCase(const OpSizes& sizes, at::ScalarType compute, at::ScalarType storage)> make;
};

/// Numbers in [−2, 2) that depend on seed and position alone, rounded to `storage`, as `compute`.
at::Tensor case_values(at::IntArrayRef shape, uint64_t seed, at::ScalarType compute, at::ScalarType storage);
/// The same integers in [0, limit).
at::Tensor case_indices(int64_t count, int64_t limit, uint64_t seed);

}  // namespace loongforge::step
