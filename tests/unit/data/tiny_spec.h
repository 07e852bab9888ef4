// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <nlohmann/json.hpp>

#include "loongforge/spec/model_spec.h"

namespace loongforge::test {

/// The smallest model whose vocabulary has `vocab_size` entries: datasets check their ids against it.
inline spec::ModelSpec tiny_spec(int64_t vocab_size) {
  return spec::Registry::builtin().parse({{"model_type", "qwen3"},
                                          {"vocab_size", vocab_size},
                                          {"hidden_size", 8},
                                          {"intermediate_size", 8},
                                          {"num_hidden_layers", 1},
                                          {"num_attention_heads", 1},
                                          {"num_key_value_heads", 1},
                                          {"head_dim", 8},
                                          {"max_position_embeddings", 64},
                                          {"rms_norm_eps", 1e-6},
                                          {"rope_theta", 1e4},
                                          {"tie_word_embeddings", true},
                                          {"hidden_act", "silu"}});
}

}  // namespace loongforge::test
