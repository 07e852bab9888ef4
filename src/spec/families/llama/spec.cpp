// SPDX-License-Identifier: Apache-2.0
#include "loongforge/spec/components/decoder.h"
#include "spec/families/families.h"

namespace loongforge::spec {

Family llama_family() {
  Family family{.model_type = "llama", .architecture = "LlamaForCausalLM"};
  family.parse = [](const nlohmann::ordered_json& hf_config) {
    ModelSpec model = decoder_model(hf_config, {.reads_mlp_bias = true});
    model.family = "llama";
    return model;
  };
  family.debug_config = {
      {"architectures", {"LlamaForCausalLM"}}, {"model_type", "llama"}, {"hidden_size", 64}, {"intermediate_size", 176},
      {"num_hidden_layers", 2}, {"num_attention_heads", 4}, {"num_key_value_heads", 2}, {"vocab_size", 512},
      {"hidden_act", "silu"}, {"max_position_embeddings", 1024}, {"rms_norm_eps", 1e-5}, {"initializer_range", 0.02},
      {"rope_theta", 500000.0}, {"tie_word_embeddings", false}};
  return family;
}

}  // namespace loongforge::spec
