// SPDX-License-Identifier: Apache-2.0
#include "loongforge/spec/components/decoder.h"
#include "spec/families/families.h"

namespace loongforge::spec {

Family qwen3_family() {
  Family family{.model_type = "qwen3", .architecture = "Qwen3ForCausalLM"};
  family.parse = [](const nlohmann::ordered_json& hf_config) {
    ModelSpec model = decoder_model(hf_config, {.max_position_embeddings = 32768,
                                                .head_dim = 128,
                                                .kv_heads_required = true,
                                                .qk_norm = true,
                                                .sliding_window = true});
    model.family = "qwen3";
    return model;
  };
  family.debug_config = {{"architectures", {"Qwen3ForCausalLM"}},
                         {"model_type", "qwen3"},
                         {"hidden_size", 64},
                         {"intermediate_size", 176},
                         {"num_hidden_layers", 2},
                         {"num_attention_heads", 4},
                         {"num_key_value_heads", 2},
                         {"head_dim", 32},
                         {"vocab_size", 512},
                         {"hidden_act", "silu"},
                         {"max_position_embeddings", 1024},
                         {"rms_norm_eps", 1e-6},
                         {"initializer_range", 0.02},
                         {"rope_theta", 1000000.0},
                         {"tie_word_embeddings", true}};
  return family;
}

}  // namespace loongforge::spec
