// SPDX-License-Identifier: Apache-2.0
#include "loongforge/infer/generate.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "loongforge/core/error.h"
#include "loongforge/core/rng.h"
#include "loongforge/nn/kv_cache.h"
#include "loongforge/ops/attention.h"
#include "loongforge/platform/device.h"
#include "loongforge/spec/components/decoder.h"

namespace loongforge::infer {

namespace {

/// Attention of new rows over the cached ones of the same document.
class CachedAttention final : public step::AttentionEngine {
 public:
  explicit CachedAttention(int64_t layers) : cache_(layers) {}

  at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const step::MicroBatch& batch,
                    const step::AttentionOptions& options) override {
    const int64_t before = cache_.length(options.layer);
    const auto [keys, values] = cache_.append(options.layer, k, v);
    if (before == 0) return whole_.attend(q, k, v, batch, options);
    LF_ASSERT(q.size(0) == 1, "after the prompt one row at a time");
    const int64_t first = options.window > 0 ? std::max<int64_t>(0, keys.size(0) - options.window) : 0;
    const auto heads_first = [](const at::Tensor& x) { return x.transpose(0, 1).unsqueeze(0); };
    const auto out = at::scaled_dot_product_attention(
        heads_first(q), heads_first(keys.narrow(0, first, keys.size(0) - first)),
        heads_first(values.narrow(0, first, values.size(0) - first)), {}, 0.0, /*is_causal=*/false, options.scale,
        /*enable_gqa=*/true);
    return out.squeeze(0).transpose(0, 1);
  }

 private:
  nn::KvCache cache_;
  ops::LocalAttention whole_;
};

step::MicroBatch rows_batch(const std::vector<int32_t>& ids, int64_t first_position, c10::Device device) {
  const auto rows = static_cast<int64_t>(ids.size());
  const auto options = at::TensorOptions().dtype(at::ScalarType::Long);
  step::MicroBatch batch;
  batch.set("ids", {at::tensor(std::vector<int64_t>(ids.begin(), ids.end()), options).to(device), {}, ""});
  batch.set("positions", {at::arange(first_position, first_position + rows, options).to(device), {}, ""});
  batch.set("logit_rows", {at::tensor(std::vector<int64_t>{rows - 1}, options).to(device), {}, ""});
  batch.set_host("cu_seqlens", {0, rows});
  batch.set_host("max_position", {first_position + rows - 1});
  return batch;
}

int64_t count_layers(const spec::ModelSpec& spec) {
  int64_t layers = 0;
  for (const auto& block : spec.blocks) layers = std::max(layers, block.layer + 1);
  return layers;
}

void check_prompt(const std::vector<int32_t>& prompt, const spec::ModelSpec& spec) {
  if (prompt.empty()) throw DataError("the prompt has no token", "give at least one character, or a BOS token");
  const auto* decoder = dynamic_cast<const spec::DecoderConfig*>(spec.config.get());
  for (int32_t id : prompt) {
    if (decoder && (id < 0 || id >= decoder->vocab_size)) {
      throw DataError(fmt::format("id {} of the prompt is not below the vocabulary's {}", id, decoder->vocab_size),
                      "use the model's own tokenizer");
    }
  }
}

std::vector<double> host_row(const at::Tensor& logits) {
  const at::Tensor row = platform::to_host(logits.reshape({-1}).to(at::ScalarType::Double));
  const auto* data = row.const_data_ptr<double>();
  return {data, data + row.numel()};
}

}  // namespace

int32_t pick(std::vector<double> logits, const GenerateOptions& options, int64_t position) {
  const auto best = std::max_element(logits.begin(), logits.end());
  if (options.temperature <= 0) return static_cast<int32_t>(best - logits.begin());
  std::vector<int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return logits[a] > logits[b]; });
  if (options.top_k > 0 && options.top_k < static_cast<int64_t>(order.size())) order.resize(options.top_k);
  std::vector<double> weights;
  double total = 0;
  for (int32_t id : order) total += weights.emplace_back(std::exp((logits[id] - *best) / options.temperature));
  double kept = 0;
  size_t count = 0;
  while (count < weights.size() && (count == 0 || kept < options.top_p * total)) kept += weights[count++];
  double target = uniform(rng_key(options.seed, {name_hash("generate")}), static_cast<uint64_t>(position)) * kept;
  for (size_t i = 0; i + 1 < count; ++i) {
    if (target < weights[i]) return order[i];
    target -= weights[i];
  }
  return order[count - 1];
}

std::vector<int32_t> generate(Model& model, const std::vector<int32_t>& prompt, const GenerateOptions& options,
                              const std::function<bool(int32_t)>& on_token) {
  check_prompt(prompt, model.spec());
  c10::AutoGradMode no_recording(false);
  CachedAttention attention(count_layers(model.spec()));
  std::vector<int32_t> fresh = prompt, generated;
  int64_t position = 0;
  while (static_cast<int64_t>(generated.size()) < options.max_new_tokens) {
    auto context = model.context(step::Phase::infer);
    context.seams.attention = &attention;
    const auto state = model.forward(rows_batch(fresh, position, model.device()), context);
    position += static_cast<int64_t>(fresh.size());
    const int32_t id = pick(host_row(state.get("logits")), options, static_cast<int64_t>(generated.size()));
    generated.push_back(id);
    fresh = {id};
    const bool stop = std::find(options.stop.begin(), options.stop.end(), id) != options.stop.end();
    if ((on_token && !on_token(id)) || stop) break;
  }
  return generated;
}

}  // namespace loongforge::infer
