// SPDX-License-Identifier: Apache-2.0
#include <ATen/ops/zeros.h>

#include "loongforge/ckpt/reshard.h"
#include "loongforge/comm/thread_world.h"
#include "loongforge/platform/dtype.h"
#include "loongforge/verify/verify.h"

namespace loongforge::verify {

namespace {

using Named = std::map<std::string, at::Tensor>;

/// Whole logical tensors of `key` on the first rank; nothing on the others. Collective.
Named gather(train::Trainer& trainer, const comm::StateKey& key, Dtype dtype) {
  auto& stage = trainer.stage();
  const auto sources = stage.store().placed(key);
  Named whole;
  std::vector<comm::PlacedBox> targets;
  if (trainer.is_first_rank()) {
    for (const auto* param : stage.model().distinct_params()) {
      if (param->update != spec::Update::gradient) continue;
      auto tensor = at::zeros(param->logical_shape, at::TensorOptions().dtype(platform::to_torch(dtype)));
      targets.push_back({param, spec::full_box(param->logical_shape), tensor});
      whole.emplace(param->name, tensor);
    }
  }
  ckpt::redistribute(sources, targets, stage.groups().world);
  return whole;
}

class Recorder final : public train::Hook {
 public:
  explicit Recorder(Trace* trace) : trace_(trace) {}

  void on_start(train::Trainer& trainer) override {
    if (!trainer.is_first_rank()) return;
    for (const auto& block : trainer.stage().model().blocks) {
      for (const auto& param : block.params) {
        if (trace_->block_of.emplace(param.name, block.name).second) trace_->order.push_back(param.name);
      }
    }
  }
  void after_gradients(train::Trainer& trainer) override {
    auto gradients = gather(trainer, {"grad"}, trainer.config().precision.grad_dtype());
    if (trainer.is_first_rank()) trace_->gradients.push_back(std::move(gradients));
  }
  void on_report(train::Trainer& trainer, const train::StepReport& report) override {
    if (!trainer.is_first_rank()) return;
    trace_->losses.push_back(report.loss);
    trace_->norms.push_back(report.grad_norm);
  }
  void on_end(train::Trainer& trainer) override {
    auto weights = gather(trainer, {"master"}, trainer.config().precision.master_dtype());
    if (trainer.is_first_rank()) trace_->weights = std::move(weights);
  }

 private:
  Trace* trace_;
};

}  // namespace

Trace run_trace(const config::RunConfig& config, const train::Registry& registry, int ranks) {
  Trace trace;
  comm::ThreadWorld world(ranks);
  world.run([&](comm::Group group) {
    train::Trainer trainer(config, registry, group, {std::make_shared<Recorder>(&trace)});
    trainer.run();
  });
  return trace;
}

}  // namespace loongforge::verify
