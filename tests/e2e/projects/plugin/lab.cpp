// SPDX-License-Identifier: Apache-2.0
// A plug-in with one of each: a dataset, a block that adds a loss to a built-in family, an optimizer, and settings.
#include <ATen/ops/sign.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <loongforge/data/packed_rows.h>
#include <loongforge/train/registry.h>

using namespace loongforge;

namespace {

struct Settings {
  int64_t stride = 3, length = 12;
  double beta = 0.9;
};
using Lab = std::shared_ptr<const Settings>;

/// Rows that count up by the stride, modulo 200.
struct Counting final : data::Dataset {
  explicit Counting(Lab lab) : lab(std::move(lab)) {}
  int64_t size() const override { return 60; }
  std::string unit() const override { return "tok"; }
  int64_t units(const step::MicroBatch& batch) const override { return batch.host("real_rows").at(0); }
  void silence(step::MicroBatch& batch) const override { data::silence_rows(batch); }
  step::MicroBatch collate(const std::vector<int64_t>& indices, int64_t row_multiple) const override {
    std::vector<data::PackedSample> rows;
    for (int64_t index : indices) {
      std::vector<int64_t> ids;
      for (int64_t i = 0; i < lab->length; ++i) ids.push_back((index + i * lab->stride) % 200);
      rows.push_back(data::next_id_sample(index, std::move(ids)));
    }
    return data::pack_rows(rows, row_multiple);
  }
  Lab lab;
};

/// The family's head, which also keeps its input small.
struct SizedHead final : nn::Block {
  explicit SizedHead(std::unique_ptr<nn::Block> inner) : inner(std::move(inner)) {}
  step::State forward(step::State state, const step::MicroBatch& batch, step::StepContext& context) override {
    if (batch.has("labels")) {
      const at::Tensor hidden = state.get(step::kHidden);
      context.add_loss({"size", hidden.square().sum(), double(hidden.size(0)), 0.01});
    }
    return inner->forward(std::move(state), batch, context);
  }
  std::unique_ptr<nn::Block> inner;
};

/// The sign of a running mean of gradients (Bernstein et al. 2018).
struct Signum final : optim::Optimizer {
  explicit Signum(Lab lab) : lab(std::move(lab)) {}
  void attach(std::span<step::FlatShard> given) override {
    shards = given;
    for (auto& shard : shards) shard.state["mean"] = at::zeros_like(shard.master);
  }
  void step(double lr, const optim::GradientDecision&) override {
    ++taken.taken;
    for (auto& shard : shards) {
      at::Tensor& mean = shard.state["mean"];
      mean.mul_(lab->beta).add_(shard.grad, 1.0 - lab->beta);
      shard.master.sub_(mean.sign(), lr);
      if (!shard.weight.is_alias_of(shard.master)) shard.weight.copy_(shard.master);
    }
  }
  std::vector<std::string> state_names() const override { return {"mean"}; }
  optim::StepCounts counts() const override { return taken; }
  void set_counts(optim::StepCounts counts) override { taken = counts; }
  at::Tensor skipped() const override { return at::zeros({}); }
  Lab lab;
  std::span<step::FlatShard> shards;
  optim::StepCounts taken;
};

}  // namespace

extern "C" void loongforge_register(train::Registry& registry) {
  config::Section<Settings> keys;
  keys.field("stride", &Settings::stride, {.min = 1}, "from one id to the next")
      .field("length", &Settings::length, {.min = 2, .max = 1000}, "of a row")
      .field("beta", &Settings::beta, {.min = 0, .max = 0.999}, "decay of the mean");
  const Lab lab = registry.plugin_settings("lab", keys);
  registry.datasets["counting"] = [lab](const config::RunConfig&, const spec::ModelSpec&, train::Split split) {
    return split == train::Split::train ? std::make_shared<const Counting>(lab) : nullptr;
  };
  registry.optimizers["signum"] = [lab](const config::RunConfig&) { return std::make_unique<Signum>(lab); };
  auto& qwen3 = registry.models.at("qwen3");
  qwen3.blocks["head"] = [inner = qwen3.blocks.at("head")](const auto& block, const auto& model, const auto& params) {
    return std::make_unique<SizedHead>(inner(block, model, params));
  };
  qwen3.loss_weights = [inner = qwen3.loss_weights](const step::MicroBatch& batch) {
    auto weights = inner(batch);
    weights["size"] = double(batch.get("ids").size(0));
    return weights;
  };
  qwen3.loss_coefficients["size"] = 0.01;
}
