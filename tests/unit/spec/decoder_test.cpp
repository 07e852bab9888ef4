// SPDX-License-Identifier: Apache-2.0
#include "loongforge/spec/components/decoder.h"

#include <gmock/gmock.h>

#include <numeric>

#include "loongforge/core/error.h"

namespace loongforge::spec {
namespace {

using Json = nlohmann::ordered_json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

ModelSpec parse(const Json& config) { return Registry::builtin().parse(config); }
Json debug(std::string_view family) { return Registry::builtin().family(family).debug_config; }
const DecoderConfig& config_of(const ModelSpec& model) { return dynamic_cast<const DecoderConfig&>(*model.config); }
std::vector<std::string> names(const BlockSpec& block) {
  std::vector<std::string> result;
  for (const ParamSpec& param : block.params) result.push_back(param.name);
  return result;
}
std::string error_of(const Json& config) {
  try {
    parse(config);
  } catch (const ConfigError& error) {
    return std::string(error.what()) + " | " + error.hint();
  }
  return {};
}

TEST(Decoder, BlocksAndParametersInOrder) {
  const ModelSpec model = parse(debug("qwen3"));
  ASSERT_EQ(model.blocks.size(), 4u);
  EXPECT_EQ(model.family, "qwen3");
  EXPECT_EQ(model.blocks[0].kind, "embedding");
  EXPECT_EQ(model.blocks[2].layer, 1);
  EXPECT_EQ(model.blocks[3].name, "lm_head");
  const std::string p = "model.layers.1.";
  EXPECT_THAT(names(model.blocks[2]), ElementsAre(p + "input_layernorm.weight", p + "self_attn.qkv_proj.weight",
                                                  p + "self_attn.q_norm.weight", p + "self_attn.k_norm.weight",
                                                  p + "self_attn.o_proj.weight", p + "post_attention_layernorm.weight",
                                                  p + "mlp.gate_up_proj.weight", p + "mlp.down_proj.weight"));
  const DecoderParams at = decoder_params(model.blocks[2]);
  EXPECT_THAT((std::vector{at.input_layernorm, at.qkv, at.qkv_bias, at.q_norm, at.k_norm, at.o_proj, at.o_bias,
                           at.post_attention_layernorm, at.gate_up, at.gate_up_bias, at.down_proj, at.down_bias}),
              ElementsAre(0, 1, -1, 2, 3, 4, -1, 5, 6, -1, 7, -1));
  EXPECT_EQ(find_param(model.blocks[2], "proj.weight"), -1) << "a suffix must start at a dot";
}

TEST(Decoder, BiasesFollowFamilyAndConfig) {
  const ModelSpec qwen2 = parse(debug("qwen2"));
  const DecoderParams q = decoder_params(qwen2.blocks[1]);
  EXPECT_GE(q.qkv_bias, 0);
  EXPECT_EQ(q.o_bias, -1);
  Json biased = debug("llama");
  biased["attention_bias"] = biased["mlp_bias"] = true;
  const ModelSpec llama = parse(biased);
  const DecoderParams at = decoder_params(llama.blocks[1]);
  EXPECT_EQ(llama.blocks[1].params[at.gate_up_bias].logical_shape, (Shape{2, 176}));
  EXPECT_EQ(llama.blocks[1].params[at.o_bias].input_region, InputRegion::seq_shard);
  for (const ParamSpec* param : llama.distinct_params()) {
    EXPECT_EQ(param->group.weight_decay, !param->name.ends_with(".bias") && !param->name.ends_with("norm.weight"))
        << param->name;
    EXPECT_EQ(param->component, "language_model");
  }
}

// Every element of a logical tensor is made of exactly one published element, and every published element is used.
TEST(Decoder, PiecesMakeUpEveryParameter) {
  Json config = debug("llama");
  config["attention_bias"] = config["mlp_bias"] = true;
  config["num_attention_heads"] = 6;
  config["head_dim"] = 10;
  for (const Json& json : {config, debug("qwen2"), debug("qwen3")}) {
    const ModelSpec model = parse(json);
    for (const ParamSpec* param : model.distinct_params()) {
      int64_t covered = 0;
      std::map<std::string, int64_t> used, published;
      for (size_t i = 0; i < param->pieces.size(); ++i) {
        const Piece& piece = param->pieces[i];
        EXPECT_EQ(piece.src_box.numel(), piece.dst_box.numel());
        EXPECT_EQ(intersect(piece.dst_box, full_box(param->logical_shape)), piece.dst_box);
        EXPECT_EQ(intersect(piece.src_box, full_box(piece.hf_shape)), piece.src_box);
        for (size_t j = 0; j < i; ++j) EXPECT_FALSE(intersect(piece.dst_box, param->pieces[j].dst_box)) << param->name;
        covered += piece.dst_box.numel();
        used[piece.hf_name] += piece.src_box.numel();
        published[piece.hf_name] = numel(piece.hf_shape);
      }
      EXPECT_EQ(covered, numel(param->logical_shape)) << param->name;
      EXPECT_EQ(used, published);
    }
  }
}

TEST(Decoder, QkvRowsAreGroupedByKeyValueHead) {
  const ModelSpec model = parse(debug("qwen3"));  // 4 heads of 32, 2 key-value heads
  const BlockSpec& layer = model.blocks[1];
  const ParamSpec& qkv = layer.params[decoder_params(layer).qkv];
  EXPECT_EQ(qkv.logical_shape, (Shape{2 * 4 * 32, 64}));
  ASSERT_EQ(qkv.pieces.size(), 6u);
  EXPECT_EQ(qkv.pieces[3].hf_name, "model.layers.0.self_attn.q_proj.weight");
  EXPECT_EQ(qkv.pieces[3].hf_shape, (Shape{128, 64}));
  EXPECT_EQ(qkv.pieces[3].src_box, (Box{{64, 0}, {64, 64}}));
  EXPECT_EQ(qkv.pieces[3].dst_box, (Box{{128, 0}, {64, 64}}));
  EXPECT_EQ(qkv.pieces[5].src_box, (Box{{32, 0}, {32, 64}}));
  EXPECT_EQ(qkv.pieces[5].dst_box, (Box{{224, 0}, {32, 64}}));
}

TEST(Decoder, TiedEmbeddingIsOneParameter) {
  const ModelSpec tied = parse(debug("qwen3"));
  const BlockSpec& head = tied.blocks.back();
  EXPECT_EQ(head_params(head).lm_head, 1);
  EXPECT_EQ(head.params[1].name, tied.blocks[0].params[0].name);
  EXPECT_EQ(head.params[1].tie_group, "embed_tokens");
  EXPECT_THAT(head.params[1].pieces[0].copies, ElementsAre("lm_head.weight"));
  EXPECT_EQ(tied.distinct_params().size(), 1 + 2 * 8 + 1u);
  const ModelSpec untied = parse(debug("llama"));
  EXPECT_EQ(untied.blocks.back().params[head_params(untied.blocks.back()).lm_head].name, "lm_head.weight");
  EXPECT_EQ(head_params(untied.blocks.back()).norm, 0);
}

TEST(Decoder, ReadsBothSpellings) {
  Json v4 = debug("llama"), v5 = debug("llama");
  v4["rope_theta"] = 5e5;
  v4["torch_dtype"] = "bfloat16";
  v4["rope_scaling"] = {{"type", "llama3"}, {"factor", 8.0}, {"low_freq_factor", 1.0}, {"high_freq_factor", 4.0},
                        {"original_max_position_embeddings", 8192}};
  v5.erase("rope_theta");
  v5["dtype"] = "bfloat16";
  v5["rope_parameters"] = {{"rope_type", "llama3"}, {"rope_theta", 5e5}, {"factor", 8}, {"low_freq_factor", 1},
                           {"high_freq_factor", 4}, {"original_max_position_embeddings", 8192}};
  const ModelSpec a = parse(v4), b = parse(v5);
  EXPECT_EQ(inv_freq(config_of(a).rope, 64), inv_freq(config_of(b).rope, 64));
  EXPECT_EQ(config_of(a).rope.type, RopeType::llama3);
  EXPECT_EQ(config_of(a).dtype, Dtype::bf16);
  EXPECT_EQ(config_of(b).dtype, Dtype::bf16);
  EXPECT_EQ(a.hf_config, v4) << "the spelling is kept";
  v4["rope_scaling"] = {{"rope_type", "yarn"}, {"factor", 4.0}};
  EXPECT_EQ(config_of(parse(v4)).rope.original_max_position_embeddings, 1024);
}

TEST(Decoder, SlidingWindowsByLayer) {
  Json config = debug("qwen2");
  config["sliding_window"] = 16;
  config["max_window_layers"] = 1;
  EXPECT_THAT(config_of(parse(config)).layer_windows, ElementsAre(0, 0));
  config["use_sliding_window"] = true;
  EXPECT_THAT(config_of(parse(config)).layer_windows, ElementsAre(0, 16));
  config["layer_types"] = {"sliding_attention", "full_attention"};
  EXPECT_THAT(config_of(parse(config)).layer_windows, ElementsAre(16, 0));
  config["layer_types"] = {"sliding_attention", "chunked_attention"};
  EXPECT_THAT(error_of(config), HasSubstr("layer_types[1]"));
}

TEST(Decoder, ListsEveryProblemAtOnce) {
  Json config = debug("qwen3");
  for (const char* key : {"hidden_size", "num_key_value_heads", "vocab_size"}) config.erase(key);
  config["num_hidden_layers"] = "two";
  config["hidden_act"] = "gelu";
  config["rope_scaling"] = {{"rope_type", "longrope"}};
  EXPECT_THAT(error_of(config),
              AllOf(HasSubstr("missing hidden_size, num_key_value_heads, vocab_size"),
                    HasSubstr("num_hidden_layers is \"two\", not an integer"), HasSubstr("hidden_act gelu"),
                    HasSubstr("rope_scaling.rope_type longrope"), HasSubstr("llama3, yarn")));
}

TEST(Decoder, RefusesImpossibleSizes) {
  const auto with = [](const char* key, const Json& value) {
    Json config = debug("llama");
    config[key] = value;
    return error_of(config);
  };
  EXPECT_THAT(with("num_key_value_heads", 3), HasSubstr("not a multiple of num_key_value_heads 3"));
  EXPECT_THAT(with("num_key_value_heads", 0), HasSubstr("num_key_value_heads is 0"));
  EXPECT_THAT(with("num_attention_heads", 0), HasSubstr("num_attention_heads is 0"));
  EXPECT_THAT(with("head_dim", 15), HasSubstr("head_dim is 15"));
  EXPECT_THAT(with("num_hidden_layers", -1), HasSubstr("num_hidden_layers is -1"));
  EXPECT_THAT(with("attention_dropout", 0.1), HasSubstr("attention_dropout"));
  EXPECT_THAT(with("quantization_config", Json{{"quant_method", "fp8"}}), HasSubstr("quantization_config"));
  EXPECT_THAT(with("rope_scaling", Json{{"rope_type", "llama3"}}),
              HasSubstr("missing rope_scaling.factor, rope_scaling.low"));
  EXPECT_THAT(with("torch_dtype", "float12"), HasSubstr("dtype float12"));
}

TEST(Decoder, UnknownFamilyNamesTheNearest) {
  EXPECT_THAT(error_of({{"model_type", "qwen33"}}),
              AllOf(HasSubstr("model_type qwen33"), HasSubstr("did you mean qwen3?")));
  EXPECT_THAT(error_of(Json::object()), HasSubstr("missing model_type"));
  EXPECT_THAT(error_of(Json::array()), HasSubstr("missing model_type"));
}

// 6·N FLOPs per token hold for the matrices: forward 2 per weight that multiplies.
TEST(Decoder, CostCountsEveryMatrixOnce) {
  const ModelSpec model = parse(debug("llama"));
  double weights = 0, flops = 0;
  for (const ParamSpec* param : model.distinct_params()) {
    const bool multiplies = param->module_kind != ModuleKind::norm && param->module_kind != ModuleKind::embedding;
    if (multiplies) weights += static_cast<double>(numel(param->logical_shape));
  }
  for (const BlockSpec& block : model.blocks) flops += block.cost.gemm_flops_per_row;
  EXPECT_EQ(flops, 2 * weights);
  EXPECT_EQ(model.blocks[1].cost.attention_flops_per_row2, 4 * 64);
}

}  // namespace
}  // namespace loongforge::spec
