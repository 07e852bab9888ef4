// SPDX-License-Identifier: Apache-2.0
// Continuing a sequence of ids with a KV cache: greedy, or sampled by temperature, top-k and top-p.
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "loongforge/infer/model.h"

namespace loongforge::infer {

struct GenerateOptions {
  int64_t max_new_tokens = 64;
  double temperature = 0;      ///< 0: greedy
  int64_t top_k = 0;           ///< 0: all
  double top_p = 1.0;
  uint64_t seed = 0;
  std::vector<int32_t> stop;   ///< ids that end the text (the id itself is returned too)
};

/// The continuation of `prompt` (not empty). `on_token` is told each id; false ends the text.
std::vector<int32_t> generate(Model& model, const std::vector<int32_t>& prompt, const GenerateOptions& options,
                              const std::function<bool(int32_t)>& on_token = {});

/// The id that `options` pick from one row of logits: greedy takes the lowest of equals; sampling draws element `position`
/// of the stream of options.seed.
int32_t pick(std::vector<double> logits, const GenerateOptions& options, int64_t position);

}  // namespace loongforge::infer
