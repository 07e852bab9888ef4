// SPDX-License-Identifier: Apache-2.0
#include "loongforge/models/components/decoder.h"

#include <cmath>

#include "loongforge/core/error.h"
#include "loongforge/ops/embedding.h"
#include "loongforge/ops/linear_cross_entropy.h"
#include "loongforge/ops/rms_norm.h"
#include "loongforge/ops/rope.h"
#include "loongforge/step/dtype.h"
#include "loongforge/step/function.h"

namespace loongforge::models {
namespace {

const step::Param* at_or_null(const std::vector<step::Param*>& params, int index) {
  return index < 0 ? nullptr : params.at(static_cast<size_t>(index));
}

nn::AttentionParams attention_params(const spec::BlockSpec& block, const std::vector<step::Param*>& params) {
  const spec::DecoderParams at = spec::decoder_params(block);
  return {at_or_null(params, at.qkv),    at_or_null(params, at.qkv_bias), at_or_null(params, at.q_norm),
          at_or_null(params, at.k_norm), at_or_null(params, at.o_proj),   at_or_null(params, at.o_bias)};
}

nn::AttentionConfig attention_config(const spec::BlockSpec& block, const spec::DecoderConfig& config) {
  nn::AttentionConfig result;
  result.head_dim = config.head_dim;
  result.heads_per_group = config.heads_per_group();
  result.norm_eps = config.rms_norm_eps;
  result.options.scale = 1.0 / std::sqrt(static_cast<double>(config.head_dim));
  result.options.layer = block.layer;
  if (block.layer >= 0 && static_cast<size_t>(block.layer) < config.layer_windows.size()) {
    result.options.window = config.layer_windows[static_cast<size_t>(block.layer)];
  }
  return result;
}

nn::MlpParams mlp_params(const spec::BlockSpec& block, const std::vector<step::Param*>& params) {
  const spec::DecoderParams at = spec::decoder_params(block);
  return {at_or_null(params, at.gate_up), at_or_null(params, at.gate_up_bias), at_or_null(params, at.down_proj),
          at_or_null(params, at.down_bias)};
}

/// The rotary tables of this microbatch, made by the first block that asks.
std::pair<at::Tensor, at::Tensor> tables(const spec::RopeConfig& rope, int64_t head_dim, at::ScalarType dtype,
                                         const step::MicroBatch& batch, step::StepContext& context) {
  at::Tensor& cos = context.scratch["decoder.rope.cos"];
  at::Tensor& sin = context.scratch["decoder.rope.sin"];
  if (!cos.defined()) {
    const auto rounding = c10::elementSize(dtype) > 4 ? spec::RopeRounding::fp64 : spec::RopeRounding::fp32;
    std::tie(cos, sin) = ops::rope_tables(batch.get("positions"), spec::inv_freq(rope, head_dim, rounding),
                                          spec::attention_factor(rope), dtype);
  }
  return {cos, sin};
}

const spec::DecoderConfig& decoder_config(const spec::ModelSpec& model) {
  const auto* config = dynamic_cast<const spec::DecoderConfig*>(model.config.get());
  LF_ASSERT(config != nullptr, "{} has no decoder configuration", model.family);
  return *config;
}

/// transformers gives its embedding this padding index; a negative one counts from the end.
std::optional<int64_t> padding_id(const spec::ModelSpec& model) {
  const auto found = model.hf_config.find("pad_token_id");
  if (found == model.hf_config.end() || !found->is_number_integer()) return std::nullopt;
  const auto id = found->get<int64_t>();
  return id < 0 ? id + decoder_config(model).vocab_size : id;
}

}  // namespace

step::State EmbeddingBlock::forward(step::State state, const step::MicroBatch& batch, step::StepContext& context) {
  state.set(step::kHidden, step::region_of(context.seams).leave(ops::embedding(batch.get("ids"), table_, padding_id_)));
  return state;
}

DecoderBlock::DecoderBlock(const spec::BlockSpec& block, const spec::DecoderConfig& config,
                           const std::vector<step::Param*>& params)
    : input_norm_(at_or_null(params, spec::decoder_params(block).input_layernorm)),
      post_norm_(at_or_null(params, spec::decoder_params(block).post_attention_layernorm)),
      attention_(attention_params(block, params), attention_config(block, config)),
      mlp_(mlp_params(block, params)),
      rope_(config.rope),
      head_dim_(config.head_dim),
      eps_(config.rms_norm_eps) {
  LF_ASSERT(config.hidden_act == "silu", "{}: activation {}", block.name, config.hidden_act);
}

step::State DecoderBlock::forward(step::State state, const step::MicroBatch& batch, step::StepContext& context) {
  step::RegionComm& region = step::region_of(context.seams);
  const at::Tensor hidden = state.take(step::kHidden);
  const auto [cos, sin] = tables(rope_, head_dim_, hidden.scalar_type(), batch, context);
  const at::Tensor entered = region.enter(ops::rms_norm(hidden, *input_norm_, eps_));
  const at::Tensor attended = attention_.forward(entered, cos, sin, batch, context);
  const auto [sum, normed] = ops::add_rms_norm(attended, hidden, *post_norm_, eps_);
  state.set(step::kHidden, sum.add(nn::gated_mlp(region.enter(normed), mlp_, region)));
  return state;
}

HeadBlock::HeadBlock(const spec::BlockSpec& block, const spec::DecoderConfig& config,
                     const std::vector<step::Param*>& params)
    : norm_(at_or_null(params, spec::head_params(block).norm)),
      head_(at_or_null(params, spec::head_params(block).lm_head)),
      eps_(config.rms_norm_eps) {}

void HeadBlock::emit_loss(const at::Tensor& hidden, const step::MicroBatch& batch, step::StepContext& context) const {
  const bool train = context.phase == step::Phase::train;
  ops::CrossEntropyOptions options;
  options.labels = batch.get("labels");
  if (batch.has("label_weights")) options.row_weights = batch.get("label_weights");
  options.want_grad = train;
  options.seed = train && step::recording() ? context.seed(kLmLoss) : 0.0;
  step::LossTerm term;
  term.name = kLmLoss;
  term.sum = ops::linear_cross_entropy(hidden, *head_, options, step::region_of(context.seams));
  const auto weight = batch.loss_weights.find(kLmLoss);
  term.weight_sum = weight == batch.loss_weights.end() ? 0 : weight->second;
  term.seeded = true;
  context.add_loss(std::move(term));
}

step::State HeadBlock::forward(step::State state, const step::MicroBatch& batch, step::StepContext& context) {
  step::RegionComm& region = step::region_of(context.seams);
  const at::Tensor hidden = region.enter(ops::rms_norm(state.take(step::kHidden), *norm_, eps_));
  if (context.phase == step::Phase::infer) {
    const at::Tensor rows = batch.has("logit_rows") ? hidden.index_select(0, batch.get("logit_rows")) : hidden;
    state.set("logits", ops::logits(rows, *head_, region), /*differentiable=*/false);
  }
  if (batch.has("labels")) emit_loss(hidden, batch, context);
  return state;
}

std::map<std::string, double, std::less<>> lm_loss_weights(const step::MicroBatch& batch) {
  const at::Tensor& labels = batch.get("labels");
  LF_ASSERT(labels.is_cpu(), "loss weights are counted on the host");
  at::Tensor weights = labels.ne(ops::kIgnoredLabel).to(step::kWeightDtype);
  if (batch.has("label_weights")) weights = weights.mul(batch.get("label_weights"));
  return {{std::string(kLmLoss), weights.sum().item<double>()}};
}

nn::ModelFactory decoder_factory() {
  nn::ModelFactory factory;
  factory.blocks["embedding"] = [](const spec::BlockSpec&, const spec::ModelSpec& model,
                                   const std::vector<step::Param*>& params) {
    return std::make_unique<EmbeddingBlock>(*params.at(0), padding_id(model));
  };
  factory.blocks["decoder"] = [](const spec::BlockSpec& block, const spec::ModelSpec& model,
                                 const std::vector<step::Param*>& params) {
    return std::make_unique<DecoderBlock>(block, decoder_config(model), params);
  };
  factory.blocks["head"] = [](const spec::BlockSpec& block, const spec::ModelSpec& model,
                              const std::vector<step::Param*>& params) {
    return std::make_unique<HeadBlock>(block, decoder_config(model), params);
  };
  factory.loss_weights = lm_loss_weights;
  return factory;
}

}  // namespace loongforge::models
