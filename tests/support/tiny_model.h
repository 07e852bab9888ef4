// SPDX-License-Identifier: Apache-2.0
// A model on one rank with plain storages, and a step of it run block by block: what the parity tests drive.
#pragma once
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "loongforge/core/error.h"
#include "loongforge/models/components/decoder.h"
#include "loongforge/models/registry.h"
#include "loongforge/spec/model_spec.h"
#include "loongforge/step/dtype.h"
#include "loongforge/step/function.h"

namespace loongforge::testing {

using Published = std::map<std::string, at::Tensor>;

inline at::Tensor narrow_box(at::Tensor tensor, const spec::Box& box) {
  for (size_t d = 0; d < box.start.size(); ++d) tensor = tensor.narrow(static_cast<int64_t>(d), box.start[d], box.size[d]);
  return tensor;
}

/// The part of a published tensor that a piece names, as a view.
inline at::Tensor piece_source(at::Tensor published, const spec::Piece& piece) {
  if (!piece.view_shape.empty()) published = published.view(piece.view_shape);
  if (!piece.view_perm.empty()) {
    published = published.permute(std::vector<int64_t>(piece.view_perm.begin(), piece.view_perm.end()));
  }
  return narrow_box(published, piece.src_box);
}

class TinyModel {
 public:
  TinyModel(const nlohmann::ordered_json& config, at::ScalarType dtype, const spec::Mesh& mesh = spec::Mesh({}, 0))
      : spec_(spec::Registry::builtin().parse(config)), dtype_(dtype) {
    for (const spec::ParamSpec* spec : spec_.distinct_params()) add(*spec, mesh);
    const auto factories = models::builtin_factories();
    factory_ = factories.find(spec_.family)->second;
    for (const spec::BlockSpec& block : spec_.blocks) {
      nn::PlacedBlock placed;
      placed.spec = &block;
      for (const spec::ParamSpec& param : block.params) placed.params.push_back(params_.at(param.name).get());
      placed.block = factory_.blocks.find(block.kind)->second(block, spec_, placed.params);
      blocks_.push_back(std::move(placed));
    }
  }

  const spec::ModelSpec& spec() const { return spec_; }
  step::Param& param(const std::string& name) { return *params_.at(name); }
  step::PlainStorage& storage(const std::string& name) { return *storages_.at(name); }
  std::vector<nn::PlacedBlock>& blocks() { return blocks_; }
  const nn::ModelFactory& factory() const { return factory_; }

  /// Fills every parameter from published tensors.
  void load(const Published& published) {
    step::NoRecord no_record;
    for (auto& [name, param] : params_) {
      at::Tensor logical = at::zeros(param->spec().logical_shape, at::TensorOptions().dtype(at::kDouble));
      for (const spec::Piece& piece : param->spec().pieces) {
        at::Tensor target = narrow_box(logical, piece.dst_box);
        target.copy_(piece_source(published.at(piece.hf_name), piece).reshape(target.sizes()));
      }
      at::Tensor weight = storages_.at(name)->weight();
      for (const spec::BoxMap& box : param->layout().boxes) narrow_box(weight, box.local).copy_(narrow_box(logical, box.logical));
    }
  }

  /// The gradients under their published names, in fp64.
  Published gradients() {
    Published result;
    for (auto& [name, param] : params_) {
      at::Tensor logical = at::zeros(param->spec().logical_shape, at::TensorOptions().dtype(at::kDouble));
      const at::Tensor grad = param->main_grad();
      for (const spec::BoxMap& box : param->layout().boxes) narrow_box(logical, box.logical).copy_(narrow_box(grad, box.local));
      for (const spec::Piece& piece : param->spec().pieces) {
        at::Tensor& target = result[piece.hf_name];
        if (!target.defined()) target = at::zeros(piece.hf_shape, logical.options());
        at::Tensor part = piece_source(target, piece);
        part.copy_(narrow_box(logical, piece.dst_box).reshape(part.sizes()));
      }
    }
    return result;
  }

  /// Forward of all blocks without gradients; returns the logits of all rows.
  at::Tensor logits(const step::MicroBatch& batch) {
    step::NoRecord no_record;
    step::StepContext context;
    context.phase = step::Phase::infer;
    context.compute_dtype = dtype_;
    step::State state;
    for (auto& placed : blocks_) state = placed.block->forward(std::move(state), batch, context);
    return state.get("logits");
  }

  /// Forward, then backward block by block with cut graphs; the term's gradient is `seed`. Returns Σ weight·loss.
  double step(const step::MicroBatch& batch, double seed, step::Seams seams = {}) {
    step::StepContext context;
    context.compute_dtype = dtype_;
    context.seams = seams;
    context.seeds[std::string(models::kLmLoss)] = seed;
    std::vector<at::Tensor> inputs, outputs;
    at::Tensor hidden;
    for (auto& placed : blocks_) {
      step::State state;
      if (hidden.defined()) {
        hidden = hidden.detach().set_requires_grad(true);
        state.set(step::kHidden, hidden);
      }
      inputs.push_back(hidden);
      state = placed.block->forward(std::move(state), batch, context);
      hidden = state.has(step::kHidden) ? state.get(step::kHidden) : at::Tensor();
      outputs.push_back(hidden);
    }
    outputs.back() = context.losses.at(0).sum;
    for (size_t i = blocks_.size(); i-- > 0;) {
      outputs[i].backward(i + 1 == blocks_.size() ? at::Tensor() : inputs[i + 1].grad());
    }
    return context.losses.at(0).sum.item<double>();
  }

 private:
  void add(const spec::ParamSpec& spec, const spec::Mesh& mesh) {
    auto param = std::make_unique<step::Param>(spec, spec::local_layout(spec, mesh));
    auto weight = at::zeros(param->layout().shape, at::TensorOptions().dtype(dtype_));
    auto storage = std::make_unique<step::PlainStorage>(weight, step::acc(dtype_));
    param->bind(storage.get());
    params_.emplace(spec.name, std::move(param));
    storages_.emplace(spec.name, std::move(storage));
  }

  spec::ModelSpec spec_;
  at::ScalarType dtype_;
  nn::ModelFactory factory_;
  std::map<std::string, std::unique_ptr<step::Param>> params_;
  std::map<std::string, std::unique_ptr<step::PlainStorage>> storages_;
  std::vector<nn::PlacedBlock> blocks_;
};

/// A batch of documents with these ids and (already shifted) labels.
inline step::MicroBatch make_batch(const at::Tensor& ids, const at::Tensor& labels, std::vector<int64_t> cu_seqlens) {
  using step::AxisRole;
  std::vector<at::Tensor> positions;
  int64_t longest = 0;
  for (size_t i = 0; i + 1 < cu_seqlens.size(); ++i) {
    positions.push_back(at::arange(cu_seqlens[i + 1] - cu_seqlens[i], ids.options()));
    longest = std::max(longest, cu_seqlens[i + 1] - cu_seqlens[i]);
  }
  step::MicroBatch batch;
  batch.set("ids", {ids, {AxisRole::sequence}, "text"});
  batch.set("positions", {at::cat(positions), {AxisRole::sequence}, "text"});
  batch.set("labels", {labels, {AxisRole::sequence}, "text"});
  batch.set_host("cu_seqlens", std::move(cu_seqlens));
  batch.set_host("max_position", {longest});
  batch.loss_weights = models::lm_loss_weights(batch);
  return batch;
}

/// The batch of ids [documents, length] with labels = ids, as a language model trains on it.
inline step::MicroBatch make_batch(const at::Tensor& ids) {
  const int64_t documents = ids.size(0), length = ids.size(1);
  at::Tensor labels = ids.roll(-1, 1);
  labels.select(1, length - 1).fill_(-100);
  std::vector<int64_t> cu_seqlens;
  for (int64_t i = 0; i <= documents; ++i) cu_seqlens.push_back(i * length);
  return make_batch(ids.reshape({-1}), labels.reshape({-1}), cu_seqlens);
}

}  // namespace loongforge::testing
