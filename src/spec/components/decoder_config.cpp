// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <tuple>

#include "loongforge/core/error.h"
#include "loongforge/core/json.h"
#include "loongforge/spec/components/decoder.h"
#include "spec/components/key_reader.h"

namespace loongforge::spec {
namespace {

constexpr double kDefaultTheta = 10000.0;

RopeType rope_type(KeyReader& keys) {
  std::string name = keys.text("rope_type", keys.text("type", "default"));
  if (name == "mrope") name = "default";
  for (RopeType type : {RopeType::none, RopeType::linear, RopeType::dynamic, RopeType::llama3, RopeType::yarn}) {
    if (name == rope_type_name(type)) return type;
  }
  keys.problem(fmt::format("rope_type {} is not supported", name), "known are default, linear, dynamic, llama3, yarn");
  return RopeType::none;
}

void read_llama3(RopeConfig& rope, KeyReader& keys) {
  rope.factor = keys.number("factor");
  rope.low_freq_factor = keys.number("low_freq_factor");
  rope.high_freq_factor = keys.number("high_freq_factor");
  rope.original_max_position_embeddings = keys.integer("original_max_position_embeddings");
}

void read_yarn(RopeConfig& rope, KeyReader& keys, int64_t original, int64_t max_positions) {
  rope.original_max_position_embeddings = keys.integer("original_max_position_embeddings", original);
  const double ratio = static_cast<double>(max_positions) / static_cast<double>(rope.original_max_position_embeddings);
  rope.factor = keys.number("factor", ratio);
  rope.attention_factor = keys.optional_number("attention_factor");
  rope.mscale = keys.number("mscale", 0.0);
  rope.mscale_all_dim = keys.number("mscale_all_dim", 0.0);
  rope.beta_fast = keys.number("beta_fast", 32.0);
  rope.beta_slow = keys.number("beta_slow", 1.0);
  rope.truncate = keys.flag("truncate", true);
}

RopeConfig read_rope(KeyReader& top, int64_t max_positions) {
  const Json* parameters = top.find("rope_parameters");
  const std::string place = parameters ? "rope_parameters" : "rope_scaling";
  const Json* object = parameters ? parameters : top.find("rope_scaling");
  static const Json kNothing = Json::object();
  if (object && !object->is_object()) top.problem(fmt::format("{} is {}, not a map", place, object->dump()));
  KeyReader keys(object && object->is_object() ? *object : kNothing);
  for (const char* layers : {"full_attention", "sliding_attention"}) {
    if (keys.find(layers))
      keys.problem(fmt::format("{}: rotary embeddings that differ by layer are not supported", layers));
  }
  RopeConfig rope;
  rope.theta = keys.number("rope_theta", top.number("rope_theta", kDefaultTheta));
  rope.partial_rotary_factor = keys.number("partial_rotary_factor", top.number("partial_rotary_factor", 1.0));
  rope.type = rope_type(keys);
  switch (rope.type) {
    case RopeType::none: break;
    case RopeType::linear: rope.factor = keys.number("factor"); break;
    case RopeType::dynamic: rope.factor = keys.number("factor", 1.0); break;
    case RopeType::llama3: read_llama3(rope, keys); break;
    case RopeType::yarn:
      read_yarn(rope, keys, top.integer("original_max_position_embeddings", max_positions), max_positions);
      break;
  }
  top.absorb(keys, place);
  return rope;
}

std::vector<int64_t> read_windows(KeyReader& keys, int64_t layers) {
  std::vector<int64_t> windows(static_cast<size_t>(std::max<int64_t>(layers, 0)), 0);
  if (!keys.flag("use_sliding_window", false)) return windows;
  const int64_t window = keys.integer("sliding_window"), first = keys.integer("max_window_layers", 28);
  if (window < 1 && keys.find("sliding_window"))
    keys.problem(fmt::format("sliding_window is {}, not positive", window));
  const Json* types = keys.find("layer_types");
  if (types && (!types->is_array() || types->size() != windows.size())) {
    keys.problem("layer_types must have one entry a layer");
    return windows;
  }
  for (size_t i = 0; i < windows.size(); ++i) {
    const std::string by_index = static_cast<int64_t>(i) >= first ? "sliding_attention" : "full_attention";
    const std::string type = !types ? by_index : (*types)[i].is_string() ? (*types)[i].get<std::string>() : "";
    if (type == "sliding_attention") {
      windows[i] = window;
    } else if (type != "full_attention") {
      keys.problem(fmt::format("layer_types[{}] is {}", i, (*types)[i].dump()),
                   "known are full_attention, sliding_attention");
    }
  }
  return windows;
}

std::optional<Dtype> read_dtype(KeyReader& keys) {
  const std::string name = keys.text("dtype", keys.text("torch_dtype", "auto"));
  if (name == "auto") return std::nullopt;
  std::optional<Dtype> dtype = dtype_from_name(name);
  if (!dtype || !is_floating(*dtype)) keys.problem(fmt::format("dtype {} is unknown", name), "for example bfloat16");
  return dtype;
}

void check_unsupported(KeyReader& keys) {
  if (std::string act = keys.text("hidden_act", "silu"); act != "silu") {
    keys.problem(fmt::format("hidden_act {} is not supported", act), "this family's published models use silu");
  }
  if (keys.number("attention_dropout", 0.0) != 0) {
    keys.problem("attention_dropout is not supported", "set attention_dropout to 0");
  }
  if (keys.find("quantization_config")) {
    keys.problem("quantization_config: quantised weights of this family are not supported",
                 "use the unquantised model");
  }
}

// Sizes up to these can be multiplied without overflow, and lists with an entry a layer be made.
constexpr int64_t kLargestSize = int64_t{1} << 22, kMostLayers = 10'000;

void check_upper_bounds(const DecoderConfig& c, KeyReader& keys) {
  const std::tuple<const char*, int64_t, int64_t> sizes[] = {{"hidden_size", c.hidden_size, kLargestSize},
                                                             {"intermediate_size", c.intermediate_size, kLargestSize},
                                                             {"vocab_size", c.vocab_size, kLargestSize},
                                                             {"num_attention_heads", c.num_attention_heads, 1 << 14},
                                                             {"head_dim", c.head_dim, 1 << 14},
                                                             {"num_hidden_layers", c.num_hidden_layers, kMostLayers}};
  for (auto [key, value, most] : sizes) {
    if (value > most) keys.problem(fmt::format("{} is {}, more than any model has", key, value));
  }
}

void check_sizes(const DecoderConfig& c, KeyReader& keys) {
  const std::pair<const char*, int64_t> sizes[] = {{"hidden_size", c.hidden_size},
                                                   {"intermediate_size", c.intermediate_size},
                                                   {"num_hidden_layers", c.num_hidden_layers},
                                                   {"num_attention_heads", c.num_attention_heads},
                                                   {"num_key_value_heads", c.num_key_value_heads},
                                                   {"vocab_size", c.vocab_size},
                                                   {"max_position_embeddings", c.max_position_embeddings}};
  for (auto [key, value] : sizes) {
    if (keys.find(key) && value < 1) keys.problem(fmt::format("{} is {}, not positive", key, value));
  }
  check_upper_bounds(c, keys);
  if (!(c.rms_norm_eps >= 0)) keys.problem(fmt::format("rms_norm_eps is {}, not a small positive number", c.rms_norm_eps));
  if (!(c.initializer_range >= 0)) keys.problem(fmt::format("initializer_range is {}, negative", c.initializer_range));
  if (c.num_attention_heads < 1 || c.num_key_value_heads < 1) return;
  if (c.num_attention_heads % c.num_key_value_heads != 0) {
    keys.problem(fmt::format("num_attention_heads {} is not a multiple of num_key_value_heads {}",
                             c.num_attention_heads, c.num_key_value_heads));
  }
  if (c.hidden_size > 0 && (c.head_dim < 1 || c.rope.rotary_dim(c.head_dim) % 2 != 0)) {
    keys.problem(fmt::format("head_dim is {}: rotary embedding needs an even, positive width", c.head_dim));
  }
}

}  // namespace

DecoderConfig parse_decoder_config(const Json& hf_config, const DecoderDefaults& defaults) {
  KeyReader keys(hf_config);
  DecoderConfig c;
  c.hidden_size = keys.integer("hidden_size");
  c.intermediate_size = keys.integer("intermediate_size");
  c.num_hidden_layers = keys.integer("num_hidden_layers");
  c.num_attention_heads = keys.integer("num_attention_heads");
  const auto kv_default = defaults.kv_heads_required ? std::nullopt : std::optional(c.num_attention_heads);
  c.num_key_value_heads = keys.integer("num_key_value_heads", kv_default);
  c.vocab_size = keys.integer("vocab_size");
  const int64_t even_split = c.num_attention_heads > 0 ? c.hidden_size / c.num_attention_heads : 0;
  c.head_dim = keys.integer("head_dim", defaults.head_dim > 0 ? defaults.head_dim : even_split);
  c.max_position_embeddings = keys.integer("max_position_embeddings", defaults.max_position_embeddings);
  c.rms_norm_eps = keys.number("rms_norm_eps", 1e-6);
  c.initializer_range = keys.number("initializer_range", 0.02);
  c.tie_word_embeddings = keys.flag("tie_word_embeddings", false);
  c.attention_out_bias = defaults.reads_attention_bias && keys.flag("attention_bias", false);
  c.attention_bias = defaults.attention_bias || c.attention_out_bias;
  c.mlp_bias = defaults.reads_mlp_bias && keys.flag("mlp_bias", false);
  c.qk_norm = defaults.qk_norm;
  c.rope = read_rope(keys, c.max_position_embeddings);
  const int64_t layers = std::clamp<int64_t>(c.num_hidden_layers, 0, kMostLayers);
  c.layer_windows.assign(static_cast<size_t>(layers), 0);
  if (defaults.sliding_window) c.layer_windows = read_windows(keys, layers);
  c.dtype = read_dtype(keys);
  check_unsupported(keys);
  check_sizes(c, keys);
  keys.finish();
  return c;
}

}  // namespace loongforge::spec
