// SPDX-License-Identifier: Apache-2.0
#include "loongforge/spec/components/decoder.h"

#include "loongforge/core/error.h"

namespace loongforge::spec {
namespace {

constexpr int64_t kVocabMultiple = 128;
constexpr std::string_view kComponent = "language_model";

Piece whole_rows(std::string hf_name, Shape hf_shape, int64_t hf_row, int64_t row, int64_t rows) {
  Box src = full_box(hf_shape);
  src.start[0] = hf_row;
  src.size[0] = rows;
  Box dst = src;
  dst.start[0] = row;
  return {.hf_name = std::move(hf_name),
          .hf_shape = std::move(hf_shape),
          .src_box = std::move(src),
          .dst_box = std::move(dst)};
}

ParamSpec norm_param(std::string name, int64_t width, InputRegion region) {
  ParamSpec spec = plain_param(std::move(name), {width}, ModuleKind::norm, init::Ones{});
  spec.input_region = region;
  spec.group.weight_decay = false;
  return spec;
}

// A bias that is added once, after the ranks' partial sums are reduced.
ParamSpec output_bias(std::string name, int64_t width, ModuleKind kind) {
  ParamSpec spec = plain_param(std::move(name), {width}, kind, init::Zeros{});
  spec.input_region = InputRegion::seq_shard;
  spec.group.weight_decay = false;
  return spec;
}

class DecoderLayer {
 public:
  DecoderLayer(const DecoderConfig& config, int64_t layer)
      : c_(config), name_(fmt::format("model.layers.{}", layer)), normal_{init::Normal{config.initializer_range}} {}

  std::vector<ParamSpec> params() const {
    std::vector<ParamSpec> list;
    list.push_back(norm_param(name_ + ".input_layernorm.weight", c_.hidden_size, InputRegion::seq_shard));
    list.push_back(qkv(".weight"));
    if (c_.attention_bias) list.push_back(qkv(".bias"));
    for (const char* norm : {".self_attn.q_norm.weight", ".self_attn.k_norm.weight"}) {
      if (c_.qk_norm) list.push_back(norm_param(name_ + norm, c_.head_dim, InputRegion::head_shard));
    }
    list.push_back(o_proj());
    if (c_.attention_out_bias) {
      list.push_back(output_bias(name_ + ".self_attn.o_proj.bias", c_.hidden_size, ModuleKind::attn_out));
    }
    list.push_back(norm_param(name_ + ".post_attention_layernorm.weight", c_.hidden_size, InputRegion::seq_shard));
    list.push_back(gate_up(".weight"));
    if (c_.mlp_bias) list.push_back(gate_up(".bias"));
    list.push_back(down_proj());
    if (c_.mlp_bias) list.push_back(output_bias(name_ + ".mlp.down_proj.bias", c_.hidden_size, ModuleKind::mlp_out));
    return list;
  }

  const std::string& name() const { return name_; }

 private:
  // [rows, hidden] for a weight, [rows] for a bias.
  Shape rows_shape(int64_t rows, bool bias) const { return bias ? Shape{rows} : Shape{rows, c_.hidden_size}; }

  ParamSpec fused(std::string local, const std::string& suffix, ModuleKind kind) const {
    ParamSpec spec;
    spec.name = name_ + local + suffix;
    spec.module_kind = kind;
    const bool bias = suffix == ".bias";
    spec.init = bias ? Init{init::Zeros{}} : normal_;
    spec.group.weight_decay = !bias;
    return spec;
  }

  ParamSpec qkv(const std::string& suffix) const {
    ParamSpec spec = fused(".self_attn.qkv_proj", suffix, ModuleKind::qkv);
    const bool bias = suffix == ".bias";
    const int64_t groups = c_.num_key_value_heads, d = c_.head_dim, q_rows = c_.heads_per_group() * d;
    spec.logical_shape = rows_shape(groups * c_.qkv_group_rows(), bias);
    for (int64_t g = 0; g < groups; ++g) {
      const int64_t row = g * c_.qkv_group_rows();
      const auto piece = [&](const char* proj, int64_t to, int64_t rows) {
        spec.pieces.push_back(
            whole_rows(name_ + ".self_attn." + proj + suffix, rows_shape(groups * rows, bias), g * rows, to, rows));
      };
      piece("q_proj", row, q_rows);
      piece("k_proj", row + q_rows, d);
      piece("v_proj", row + q_rows + d, d);
    }
    spec.shards = {{.axis = Axis::tp,
                    .dim = 0,
                    .unit = c_.qkv_group_rows(),
                    .parts = c_.heads_per_group(),
                    .shared = 2 * d,
                    .on_too_few = TooFew::replicate}};
    return spec;
  }

  ParamSpec o_proj() const {
    ParamSpec spec = plain_param(name_ + ".self_attn.o_proj.weight",
                                 {c_.hidden_size, c_.num_attention_heads * c_.head_dim}, ModuleKind::attn_out, normal_);
    spec.shards = {{.axis = Axis::tp,
                    .dim = 1,
                    .unit = c_.heads_per_group() * c_.head_dim,
                    .parts = c_.heads_per_group(),
                    .shared = 0,
                    .on_too_few = TooFew::replicate}};
    return spec;
  }

  ParamSpec gate_up(const std::string& suffix) const {
    ParamSpec spec = fused(".mlp.gate_up_proj", suffix, ModuleKind::mlp_in);
    const Shape each = rows_shape(c_.intermediate_size, suffix == ".bias");
    spec.logical_shape = each;
    spec.logical_shape.insert(spec.logical_shape.begin(), 2);
    for (int64_t which : {0, 1}) {
      Box dst = full_box(spec.logical_shape);
      dst.start[0] = which;
      dst.size[0] = 1;
      spec.pieces.push_back({.hf_name = name_ + (which == 0 ? ".mlp.gate_proj" : ".mlp.up_proj") + suffix,
                             .hf_shape = each, .src_box = full_box(each), .dst_box = std::move(dst)});
    }
    spec.shards = {{.axis = Axis::tp, .dim = 1}};
    return spec;
  }

  ParamSpec down_proj() const {
    ParamSpec spec = plain_param(name_ + ".mlp.down_proj.weight", {c_.hidden_size, c_.intermediate_size},
                                 ModuleKind::mlp_out, normal_);
    spec.shards = {{.axis = Axis::tp, .dim = 1}};
    return spec;
  }

  const DecoderConfig& c_;
  std::string name_;
  Init normal_;
};

std::vector<StateEntry> hidden_state(const DecoderConfig& c) {
  return {{"hidden", {std::string("rows"), c.hidden_size}, true}};
}

ParamSpec vocab_param(const DecoderConfig& c, std::string name, ModuleKind kind) {
  ParamSpec spec = plain_param(std::move(name), {c.vocab_size, c.hidden_size}, kind, init::Normal{c.initializer_range});
  spec.shards = {{.axis = Axis::tp, .dim = 0, .pad_to = kVocabMultiple}};
  return spec;
}

ParamSpec embedding_param(const DecoderConfig& c) {
  ParamSpec spec = vocab_param(c, "model.embed_tokens.weight", ModuleKind::embedding);
  if (c.tie_word_embeddings) {
    spec.tie_group = "embed_tokens";
    spec.pieces[0].copies = {"lm_head.weight"};
  }
  return spec;
}

BlockSpec embedding_block(const DecoderConfig& c) {
  BlockSpec block{.name = "model.embed_tokens", .kind = "embedding", .component = std::string(kComponent)};
  block.params = {embedding_param(c)};
  block.outputs = hidden_state(c);
  return block;
}

BlockSpec decoder_block(const DecoderConfig& c, int64_t layer) {
  DecoderLayer maker(c, layer);
  BlockSpec block{.name = maker.name(), .kind = "decoder", .component = std::string(kComponent), .layer = layer};
  block.params = maker.params();
  block.inputs = block.outputs = hidden_state(c);
  const auto h = static_cast<double>(c.hidden_size), f = static_cast<double>(c.intermediate_size);
  const auto q = static_cast<double>(c.num_attention_heads * c.head_dim),
             kv = static_cast<double>(c.num_key_value_heads * c.head_dim);
  block.cost.gemm_flops_per_row = 2 * (h * (q + 2 * kv) + q * h + 3 * h * f);
  block.cost.attention_flops_per_row2 = 4 * q;
  block.cost.saved_elements_per_row = 4 * h + 2 * (q + kv) + 3 * f;
  return block;
}

BlockSpec head_block(const DecoderConfig& c) {
  BlockSpec block{.name = "lm_head", .kind = "head", .component = std::string(kComponent)};
  block.params = {norm_param("model.norm.weight", c.hidden_size, InputRegion::seq_shard),
                  c.tie_word_embeddings ? embedding_param(c) : vocab_param(c, "lm_head.weight", ModuleKind::head)};
  block.inputs = hidden_state(c);
  const auto h = static_cast<double>(c.hidden_size);
  block.cost.gemm_flops_per_row = 2 * h * static_cast<double>(c.vocab_size);
  block.cost.saved_elements_per_row = 2 * h;
  return block;
}

}  // namespace

ModelSpec decoder_model(const nlohmann::ordered_json& hf_config, const DecoderDefaults& defaults) {
  auto config = std::make_shared<const DecoderConfig>(parse_decoder_config(hf_config, defaults));
  ModelSpec model;
  model.config = config;
  model.hf_config = hf_config;
  model.blocks.push_back(embedding_block(*config));
  for (int64_t layer = 0; layer < config->num_hidden_layers; ++layer)
    model.blocks.push_back(decoder_block(*config, layer));
  model.blocks.push_back(head_block(*config));
  for (BlockSpec& block : model.blocks) {
    for (ParamSpec& param : block.params) param.component = block.component;
  }
  return model;
}

int find_param(const BlockSpec& block, std::string_view suffix) {
  for (size_t i = 0; i < block.params.size(); ++i) {
    const std::string_view name = block.params[i].name;
    if (!name.ends_with(suffix)) continue;
    if (name.size() == suffix.size() || name[name.size() - suffix.size() - 1] == '.') return static_cast<int>(i);
  }
  return -1;
}

DecoderParams decoder_params(const BlockSpec& block) {
  const auto at = [&](std::string_view suffix) { return find_param(block, suffix); };
  return {.input_layernorm = at("input_layernorm.weight"),
          .qkv = at("self_attn.qkv_proj.weight"),
          .qkv_bias = at("self_attn.qkv_proj.bias"),
          .q_norm = at("self_attn.q_norm.weight"),
          .k_norm = at("self_attn.k_norm.weight"),
          .o_proj = at("self_attn.o_proj.weight"),
          .o_bias = at("self_attn.o_proj.bias"),
          .post_attention_layernorm = at("post_attention_layernorm.weight"),
          .gate_up = at("mlp.gate_up_proj.weight"),
          .gate_up_bias = at("mlp.gate_up_proj.bias"),
          .down_proj = at("mlp.down_proj.weight"),
          .down_bias = at("mlp.down_proj.bias")};
}

HeadParams head_params(const BlockSpec& block) {
  const int tied = find_param(block, "embed_tokens.weight");
  return {.norm = find_param(block, "norm.weight"), .lm_head = tied >= 0 ? tied : find_param(block, "lm_head.weight")};
}

}  // namespace loongforge::spec
