// SPDX-License-Identifier: Apache-2.0
// The dense pre-norm decoder shared by LLaMA, Qwen2/2.5 and Qwen3: configuration, blocks and parameters (models §0-3).
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "loongforge/spec/components/rope.h"
#include "loongforge/spec/model_spec.h"

namespace loongforge::spec {

struct DecoderConfig : FamilyConfig {
  int64_t hidden_size = 0;
  int64_t intermediate_size = 0;
  int64_t num_hidden_layers = 0;
  int64_t num_attention_heads = 0;
  int64_t num_key_value_heads = 0;
  int64_t head_dim = 0;
  int64_t vocab_size = 0;
  int64_t max_position_embeddings = 0;
  double rms_norm_eps = 1e-6;
  double initializer_range = 0.02;
  bool tie_word_embeddings = false;
  bool attention_bias = false;      ///< of q, k, v
  bool attention_out_bias = false;  ///< of o
  bool mlp_bias = false;            ///< of gate, up, down
  bool qk_norm = false;             ///< per-head RMS norm of q and k before the rotation
  std::string hidden_act = "silu";
  RopeConfig rope;
  std::vector<int64_t> layer_windows;  ///< per layer: keys a query sees, itself included; 0: all
  std::optional<Dtype> dtype;          ///< of the published weights (torch_dtype, dtype)

  /// Query heads that share one key-value head.
  int64_t heads_per_group() const { return num_attention_heads / num_key_value_heads; }
  /// Rows of the fused qkv weight that belong to one key-value head: its query heads, then k, then v.
  int64_t qkv_group_rows() const { return (heads_per_group() + 2) * head_dim; }
};

/// Where a family differs from LLaMA in what its config.json leaves out or means.
struct DecoderDefaults {
  int64_t max_position_embeddings = 2048;
  int64_t head_dim = 0;              ///< 0: hidden_size / num_attention_heads
  bool kv_heads_required = false;    ///< otherwise num_attention_heads
  bool attention_bias = false;       ///< q, k, v have biases whatever the config says
  bool reads_attention_bias = true;  ///< key attention_bias, which covers o too
  bool reads_mlp_bias = false;
  bool qk_norm = false;
  bool sliding_window = false;       ///< keys use_sliding_window, sliding_window, max_window_layers, layer_types
};

/// Reads config.json in the spellings of transformers 4 and 5. Throws one ConfigError that lists every missing or wrong key.
DecoderConfig parse_decoder_config(const nlohmann::ordered_json& hf_config, const DecoderDefaults& defaults);

/// Blocks "model.embed_tokens" (kind embedding), "model.layers.N" (decoder), "lm_head" (head).
ModelSpec decoder_model(const nlohmann::ordered_json& hf_config, const DecoderDefaults& defaults);

/// Positions in BlockSpec::params of a "decoder" block, −1 when the model has no such parameter. This is also their order.
struct DecoderParams {
  int input_layernorm = -1;           ///< [hidden]
  int qkv = -1;                       ///< [kv heads · (r + 2) · head_dim, hidden]; a group: r query heads, k, v
  int qkv_bias = -1;                  ///< [kv heads · (r + 2) · head_dim]
  int q_norm = -1;                    ///< [head_dim]
  int k_norm = -1;                    ///< [head_dim]
  int o_proj = -1;                    ///< [hidden, heads · head_dim]
  int o_bias = -1;                    ///< [hidden], added once after the reduction
  int post_attention_layernorm = -1;  ///< [hidden]
  int gate_up = -1;                   ///< [2, intermediate, hidden]: gate, up
  int gate_up_bias = -1;              ///< [2, intermediate]
  int down_proj = -1;                 ///< [hidden, intermediate]
  int down_bias = -1;                 ///< [hidden], added once after the reduction
};
DecoderParams decoder_params(const BlockSpec& block);

/// Positions in BlockSpec::params of a "head" block.
struct HeadParams {
  int norm = -1;     ///< [hidden]
  int lm_head = -1;  ///< [vocab, hidden]; the embedding's parameter when tied
};
HeadParams head_params(const BlockSpec& block);

/// Position of the parameter whose name ends with ".suffix" (or is `suffix`), −1 when there is none.
int find_param(const BlockSpec& block, std::string_view suffix);

}  // namespace loongforge::spec
