// SPDX-License-Identifier: Apache-2.0
#include "unit/pipeline/toy_model.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/zeros.h>

#include "loongforge/core/rng.h"

namespace loongforge::toy {
namespace {

using spec::InputRegion;
using spec::ModuleKind;

spec::ParamSpec param(const std::string& name, spec::Shape shape, InputRegion region, int cut_dim, double std) {
  spec::ParamSpec spec = spec::plain_param(name, shape, ModuleKind::other, spec::init::Normal{std});
  spec.input_region = region;
  if (cut_dim >= 0) spec.shards.push_back({.axis = spec::Axis::tp, .dim = cut_dim, .unit = 1});
  spec.group.weight_decay = shape.size() > 1;
  return spec;
}

spec::StateEntry rows_of(const char* name) { return {name, {std::string("rows"), kWidth}, true}; }

spec::BlockSpec layer_spec(int index) {
  const std::string p = "layer." + std::to_string(index) + ".";
  spec::BlockSpec block{.name = p, .kind = "layer", .layer = index};
  block.params = {param(p + "scale", {kWidth}, InputRegion::seq_shard, -1, 1.0),
                  param(p + "up.weight", {kInner, kWidth}, InputRegion::head_shard, 0, 0.4),
                  param(p + "up.bias", {kInner}, InputRegion::head_shard, 0, 0.4),
                  param(p + "factor", {}, InputRegion::head_shard, -1, 1.0),
                  param(p + "down.weight", {kWidth, kInner}, InputRegion::head_shard, 1, 0.4),
                  param(p + "gate", {kWidth}, InputRegion::seq_shard, -1, 0.4)};
  block.inputs = {rows_of("hidden")};
  block.outputs = {rows_of("hidden")};
  if (index >= 1) block.inputs.push_back(rows_of("extra"));
  return block;
}

// The columns of a whole [rows, features] tensor that belong to this rank's part of a parameter's dimension `dim`.
at::Tensor local_columns(const at::Tensor& whole, const step::Param& param, int dim) {
  at::Tensor local = at::zeros({whole.size(0), param.layout().shape[dim]}, whole.options());
  for (const spec::BoxMap& map : param.layout().boxes) {
    local.narrow(1, map.local.start[dim], map.local.size[dim])
        .copy_(whole.narrow(1, map.logical.start[dim], map.logical.size[dim]));
  }
  return local;
}

class InputBlock final : public nn::Block {
 public:
  explicit InputBlock(std::vector<step::Param*> params) : params_(std::move(params)) {}
  step::State forward(step::State state, const step::MicroBatch& batch, step::StepContext& context) override {
    step::RegionComm& region = step::region_of(context.seams);
    const at::Tensor x = local_columns(batch.get("x"), *params_[0], 1);
    state.set("hidden", region.leave(at::matmul(x, params_[0]->leaf().t())));
    state.set("extra", region.leave(at::matmul(x, params_[1]->leaf().t())));
    return state;
  }

 private:
  std::vector<step::Param*> params_;
};

class LayerBlock final : public nn::Block {
 public:
  LayerBlock(std::vector<step::Param*> params, bool injects) : params_(std::move(params)), injects_(injects) {}
  step::State forward(step::State state, const step::MicroBatch& batch, step::StepContext& context) override {
    step::RegionComm& region = step::region_of(context.seams);
    at::Tensor hidden = state.get("hidden");
    if (injects_) hidden = hidden.add(state.get("extra"));
    if (batch.has_host("gated")) hidden = hidden.mul(params_[5]->leaf().add(1.0));
    const at::Tensor x = region.enter(hidden.mul(params_[0]->leaf()));
    const at::Tensor inner = at::tanh(at::matmul(x, params_[1]->leaf().t()).add(params_[2]->leaf()));
    const at::Tensor out = at::matmul(inner.mul(params_[3]->leaf()), params_[4]->leaf().t());
    state.set("hidden", hidden.add(region.leave(out)));
    return state;
  }

 private:
  std::vector<step::Param*> params_;
  bool injects_;
};

class LossBlock final : public nn::Block {
 public:
  explicit LossBlock(std::vector<step::Param*> params) : params_(std::move(params)) {}
  step::State forward(step::State state, const step::MicroBatch& batch, step::StepContext& context) override {
    step::RegionComm& region = step::region_of(context.seams);
    const at::Tensor hidden = region.enter(state.take("hidden"));
    const at::Tensor y = at::matmul(hidden, params_[0]->leaf());
    const at::Tensor error = y.sub(local_columns(batch.get("target"), *params_[0], 1));
    const at::Tensor local = error.square().mul(batch.get("weights").unsqueeze(1)).sum();
    at::Tensor whole = local.detach().clone();
    region.all_reduce_sum(whole);
    context.add_loss({"error", local.add(whole.sub(local.detach())), batch.loss_weights.at("error")});
    return {};
  }

 private:
  std::vector<step::Param*> params_;
};

at::Tensor noise(RngKey key, std::vector<int64_t> shape) {
  at::Tensor tensor = at::empty(shape, at::kDouble);
  for (int64_t i = 0; i < tensor.numel(); ++i) tensor.data_ptr<double>()[i] = normal(key, static_cast<uint64_t>(i));
  return tensor;
}

}  // namespace

spec::ModelSpec make_spec(const Shape& shape) {
  spec::ModelSpec model;
  model.family = "toy";
  spec::BlockSpec input{.name = "input", .kind = "input"};
  input.params = {param("input.weight", {kWidth, kFeatures}, InputRegion::head_shard, 1, 0.5),
                  param("input.extra.weight", {kWidth, kFeatures}, InputRegion::head_shard, 1, 0.5)};
  input.outputs = {rows_of("hidden"), rows_of("extra")};
  model.blocks.push_back(input);
  for (int i = 0; i < shape.layers; ++i) model.blocks.push_back(layer_spec(i));
  spec::BlockSpec loss{.name = "loss", .kind = "loss"};
  loss.params = {shape.tied ? input.params[0] : param("loss.weight", {kWidth, kFeatures}, InputRegion::head_shard, 1, 0.5)};
  loss.inputs = {rows_of("hidden")};
  model.blocks.push_back(loss);
  return model;
}

std::unique_ptr<nn::Block> make_block(const spec::BlockSpec& spec, const std::vector<step::Param*>& params) {
  if (spec.kind == "input") return std::make_unique<InputBlock>(params);
  if (spec.kind == "loss") return std::make_unique<LossBlock>(params);
  return std::make_unique<LayerBlock>(params, spec.layer >= 1);
}

step::MicroBatch make_batch(int64_t index, int64_t rows, int64_t region) {
  const auto id = static_cast<uint64_t>(index);
  step::MicroBatch batch;
  batch.set("x", {noise(rng_key(7, {id, 0}), {rows, kFeatures}), {}, ""});
  batch.set("target", {noise(rng_key(7, {id, 1}), {rows, kFeatures}), {}, ""});
  batch.set("weights", {noise(rng_key(7, {id, 2}), {rows}).abs(), {}, ""});
  batch.set_host("extent.rows", {rows / region});
  if (index % 2 == 0) batch.set_host("gated", {1});
  batch.loss_weights["error"] = batch_weight(index, rows);
  return batch;
}

double batch_weight(int64_t index, int64_t rows) {
  return noise(rng_key(7, {static_cast<uint64_t>(index), 2}), {rows}).abs().sum().item<double>();
}

}  // namespace loongforge::toy
