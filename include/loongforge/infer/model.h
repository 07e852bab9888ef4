// SPDX-License-Identifier: Apache-2.0
// A published model directory on one device, for evaluation and generation.
#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "loongforge/ckpt/reshard.h"
#include "loongforge/nn/block.h"
#include "loongforge/spec/model_spec.h"

namespace loongforge::infer {

class Model {
 public:
  /// Loads `folder`; `dtype` unset: that of its config.json. Gradients, when asked for, are in acc(dtype).
  /// Throws CheckpointError, ConfigError.
  Model(const std::filesystem::path& folder, std::optional<Dtype> dtype, c10::Device device);
  ~Model();

  const spec::ModelSpec& spec() const { return spec_; }
  Dtype dtype() const { return dtype_; }
  c10::Device device() const { return device_; }

  /// Runs all blocks; losses are left in `context`.
  step::State forward(const step::MicroBatch& batch, step::StepContext& context);
  /// A context of this model's dtype.
  step::StepContext context(step::Phase phase) const;
  /// Host-side loss weights of a batch.
  std::map<std::string, double, std::less<>> loss_weights(const step::MicroBatch& batch) const;
  /// Gradients accumulated by backward passes, as boxes of logical tensors.
  std::vector<comm::PlacedBox> gradients();
  std::vector<const spec::ParamSpec*> params() const { return spec_.distinct_params(); }

 private:
  void make_params();
  void build_blocks();

  spec::ModelSpec spec_;
  Dtype dtype_ = Dtype::f32;
  c10::Device device_;
  nn::ModelFactory factory_;
  std::map<std::string, std::unique_ptr<step::Param>> params_;
  std::vector<std::unique_ptr<step::PlainStorage>> storages_;
  std::vector<std::unique_ptr<nn::Block>> blocks_;
};

}  // namespace loongforge::infer
