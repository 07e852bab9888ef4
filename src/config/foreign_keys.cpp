// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/sections.h"

namespace loongforge::config {
namespace {

// Keys of config.json that people write one level too high.
constexpr std::array<std::string_view, 24> kModelKeys = {"architectures",
                                                         "attention_bias",
                                                         "attention_dropout",
                                                         "bos_token_id",
                                                         "eos_token_id",
                                                         "head_dim",
                                                         "hidden_act",
                                                         "hidden_size",
                                                         "initializer_range",
                                                         "intermediate_size",
                                                         "max_position_embeddings",
                                                         "mlp_bias",
                                                         "model_type",
                                                         "num_attention_heads",
                                                         "num_hidden_layers",
                                                         "num_key_value_heads",
                                                         "pad_token_id",
                                                         "rms_norm_eps",
                                                         "rope_parameters",
                                                         "rope_scaling",
                                                         "rope_theta",
                                                         "sliding_window",
                                                         "tie_word_embeddings",
                                                         "vocab_size"};

}  // namespace

bool is_model_key(std::string_view name) {
  return std::find(kModelKeys.begin(), kModelKeys.end(), name) != kModelKeys.end();
}

std::string foreign_key_advice(const std::string& path) {
  size_t dot = path.rfind('.');
  std::string name = path.substr(dot == path.npos ? 0 : dot + 1);
  std::replace(name.begin(), name.end(), '-', '_');
  for (const ForeignKey& foreign : foreign_keys()) {
    if (foreign.name != name || foreign.ours == path) continue;
    const std::string note = foreign.note.empty() ? "" : fmt::format(" ({})", foreign.note);
    return fmt::format("`{}` is `{}`{} here", name, foreign.ours, note);
  }
  if (is_model_key(name)) {
    return fmt::format("`{0}` is `model.config.{0}` here", name);
  }
  std::vector<std::string> homes;
  for (const Field& section : run_schema().fields()) {
    if (section.section && section.section->find(name)) homes.push_back(fmt::format("`{}.{}`", section.name, name));
  }
  // A name that three sections share says nothing about which is meant.
  if (homes.empty() || homes.size() > 2) return "";
  return fmt::format("`{}` is {} here", name, fmt::join(homes, " or "));
}

}  // namespace loongforge::config
