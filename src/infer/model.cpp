// SPDX-License-Identifier: Apache-2.0
#include "loongforge/infer/model.h"

#include <ATen/ops/zeros.h>

#include "loongforge/core/error.h"
#include "loongforge/models/registry.h"
#include "loongforge/platform/dtype.h"

namespace loongforge::infer {

namespace {

Dtype dtype_of(const nlohmann::ordered_json& config) {
  for (const char* key : {"dtype", "torch_dtype"}) {
    if (config.contains(key) && config[key].is_string()) {
      if (const auto dtype = dtype_from_name(config[key].get<std::string>())) return *dtype;
    }
  }
  return Dtype::f32;
}

}  // namespace

Model::Model(const std::filesystem::path& folder, std::optional<Dtype> dtype, c10::Device device) : device_(device) {
  const ckpt::ModelDir directory(folder);
  spec_ = spec::Registry::builtin().parse(directory.config());
  dtype_ = dtype.value_or(dtype_of(directory.config()));
  factory_ = models::builtin_factories().at(spec_.family);
  make_params();
  std::vector<comm::PlacedBox> targets;
  for (auto& [name, param] : params_) {
    targets.push_back({&param->spec(), spec::full_box(param->spec().logical_shape), param->weight()});
  }
  ckpt::load_published(directory, params(), targets);
  build_blocks();
}

Model::~Model() = default;

void Model::make_params() {
  const spec::Mesh one({}, 0);
  const auto options = at::TensorOptions().dtype(platform::to_torch(dtype_)).device(device_);
  for (const auto* param : spec_.distinct_params()) {
    // The whole tensor without padding, which only sharded layouts need.
    spec::LocalLayout layout;
    layout.shape = param->logical_shape;
    layout.boxes = {{spec::full_box(param->logical_shape), spec::full_box(param->logical_shape)}};
    auto handle = std::make_unique<step::Param>(*param, std::move(layout));
    storages_.push_back(std::make_unique<step::PlainStorage>(at::zeros(param->logical_shape, options),
                                                             platform::to_torch(acc(dtype_))));
    handle->bind(storages_.back().get());
    params_.emplace(param->name, std::move(handle));
  }
}

void Model::build_blocks() {
  for (const auto& block : spec_.blocks) {
    std::vector<step::Param*> params;
    for (const auto& param : block.params) params.push_back(params_.at(param.name).get());
    const auto factory = factory_.blocks.find(block.kind);
    LF_ASSERT(factory != factory_.blocks.end(), "no factory for block kind {}", block.kind);
    blocks_.push_back(factory->second(block, spec_, params));
  }
}

step::State Model::forward(const step::MicroBatch& batch, step::StepContext& context) {
  step::State state;
  for (auto& block : blocks_) state = block->forward(std::move(state), batch, context);
  return state;
}

step::StepContext Model::context(step::Phase phase) const {
  step::StepContext context;
  context.phase = phase;
  context.compute_dtype = platform::to_torch(dtype_);
  return context;
}

std::map<std::string, double, std::less<>> Model::loss_weights(const step::MicroBatch& batch) const {
  return factory_.loss_weights(batch);
}

std::vector<comm::PlacedBox> Model::gradients() {
  std::vector<comm::PlacedBox> boxes;
  for (auto& [name, param] : params_) {
    boxes.push_back({&param->spec(), spec::full_box(param->spec().logical_shape), param->main_grad()});
  }
  return boxes;
}

}  // namespace loongforge::infer
