// SPDX-License-Identifier: Apache-2.0
// Blocks of the dense pre-norm decoder (spec/components/decoder.h), made of nn and ops.
#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "loongforge/nn/attention.h"
#include "loongforge/nn/block.h"
#include "loongforge/nn/mlp.h"
#include "loongforge/spec/components/decoder.h"

namespace loongforge::models {

/// Name of the only loss term: cross entropy of the next position.
inline constexpr std::string_view kLmLoss = "lm";

/// ids → hidden; the table sharded by rows. The row of `padding_id` isn't trained through this use.
class EmbeddingBlock final : public nn::Block {
 public:
  EmbeddingBlock(const step::Param& table, std::optional<int64_t> padding_id) : table_(table), padding_id_(padding_id) {}
  step::State forward(step::State state, const step::MicroBatch& batch, step::StepContext& context) override;

 private:
  const step::Param& table_;
  std::optional<int64_t> padding_id_;
};

/// hidden → hidden: x + attention(norm(x)), then x + mlp(norm(x)).
class DecoderBlock final : public nn::Block {
 public:
  DecoderBlock(const spec::BlockSpec& block, const spec::DecoderConfig& config, const std::vector<step::Param*>& params);
  step::State forward(step::State state, const step::MicroBatch& batch, step::StepContext& context) override;

 private:
  const step::Param* input_norm_;
  const step::Param* post_norm_;
  nn::SelfAttention attention_;
  nn::MlpParams mlp_;
  spec::RopeConfig rope_;
  int64_t head_dim_;
  double eps_;
};

/// hidden → the loss term "lm" when the batch has labels; in Phase::infer the State entry "logits", in acc(dtype), of all
/// rows or of those in the batch's `logit_rows` (int64).
class HeadBlock final : public nn::Block {
 public:
  HeadBlock(const spec::BlockSpec& block, const spec::DecoderConfig& config, const std::vector<step::Param*>& params);
  step::State forward(step::State state, const step::MicroBatch& batch, step::StepContext& context) override;

 private:
  void emit_loss(const at::Tensor& hidden, const step::MicroBatch& batch, step::StepContext& context) const;
  const step::Param* norm_;
  const step::Param* head_;
  double eps_;
};

/// Kinds "embedding", "decoder", "head" for any family with this body, and the weights of "lm".
nn::ModelFactory decoder_factory();

/// Σ over labelled rows of their weight (1 without label_weights). Reads labels on the host: call before the batch moves.
std::map<std::string, double, std::less<>> lm_loss_weights(const step::MicroBatch& batch);

}  // namespace loongforge::models
