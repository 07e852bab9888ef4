// SPDX-License-Identifier: Apache-2.0
#include "unit/pipeline/toy_run.h"

#include <ATen/ops/full.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>

#include "loongforge/parallel/region.h"
#include "loongforge/pipeline/executor.h"
#include "loongforge/platform/dtype.h"
#include "unit/parallel/fixtures.h"

namespace loongforge::toy {
namespace {

constexpr int64_t kRows = 4;
constexpr double kLearningRate = 0.05;

using parallel::group_along;

std::vector<pipeline::Stage> cut_stages(int blocks, int pp, int per_rank) {
  std::vector<pipeline::Stage> stages;
  const int count = pp * per_rank;
  for (int s = 0; s < count; ++s) stages.push_back({blocks * s / count, blocks * (s + 1) / count, s % pp});
  return stages;
}

// One forward, one backward in steady state; with several stages per rank all forwards, then all backwards.
std::vector<pipeline::Op> operations(int rank, int pp, int per_rank, int microbatches) {
  std::vector<pipeline::Op> ops;
  using pipeline::OpKind;
  if (per_rank > 1) {
    for (int v = 0; v < per_rank; ++v) {
      for (int m = 0; m < microbatches; ++m) ops.push_back({OpKind::forward, v * pp + rank, m});
    }
    for (int v = per_rank - 1; v >= 0; --v) {
      for (int m = 0; m < microbatches; ++m) ops.push_back({OpKind::backward, v * pp + rank, m});
    }
    return ops;
  }
  const int warmup = std::min(microbatches, pp - rank - 1);
  for (int m = 0; m < warmup; ++m) ops.push_back({OpKind::forward, rank, m});
  for (int m = 0; m < microbatches; ++m) {
    if (m + warmup < microbatches) ops.push_back({OpKind::forward, rank, m + warmup});
    ops.push_back({OpKind::backward, rank, m});
  }
  return ops;
}

class Collector {
 public:
  Collector(const spec::ModelSpec& model) {
    for (const spec::ParamSpec* spec : model.distinct_params()) {
      params_[spec->name] = at::full(spec->logical_shape, std::numeric_limits<double>::quiet_NaN(), at::kDouble);
    }
  }
  void add(const std::vector<comm::PlacedBox>& boxes) {
    std::lock_guard<std::mutex> lock(mutex_);
    for (const comm::PlacedBox& box : boxes) {
      at::Tensor view = params_.at(box.spec->name);
      for (size_t d = 0; d < box.logical.start.size(); ++d) view = view.narrow(d, box.logical.start[d], box.logical.size[d]);
      // What several ranks hold must be the same on all of them.
      const at::Tensor data = box.data.to(at::kDouble);
      const bool known = !view.isnan().any().item<bool>();
      if (known) {
        EXPECT_TRUE(view.allclose(data, 1e-12, 1e-12)) << box.spec->name;
      }
      view.copy_(data);
    }
  }
  std::map<std::string, at::Tensor> take() { return std::move(params_); }

 private:
  std::mutex mutex_;
  std::map<std::string, at::Tensor> params_;
};

// Nonlinear and with state, so that a wrong range, count or scale shows after the second step.
void step_shards(parallel::ParamStore& store, const at::Tensor& norm, double max_norm) {
  const double factor = std::min(1.0, max_norm / (norm.item<double>() + 1e-6));
  for (step::FlatShard& shard : store.shards()) {
    at::Tensor& momentum = shard.state["exp_avg"];
    if (!momentum.defined()) momentum = at::zeros_like(shard.master);
    momentum.mul_(0.9).add_(shard.grad.to(momentum.scalar_type()).mul(factor));
    for (const step::FlatSegment& segment : shard.segments) {
      const int64_t count = segment.end - segment.begin;
      at::Tensor master = shard.master.narrow(0, segment.begin, count);
      if (segment.weight_decay) master.mul_(1 - 0.1 * kLearningRate);
      master.sub_(momentum.narrow(0, segment.begin, count).tanh().mul_(kLearningRate));
    }
    if (!shard.weight.is_alias_of(shard.master)) shard.weight.copy_(shard.master);
  }
}

struct Shared {
  explicit Shared(const spec::ModelSpec& model) : params(model), grads(model) {}
  Collector params, grads;
  std::mutex mutex;
  std::vector<double> losses, norms;
};

void train_rank(const spec::ModelSpec& model, const Task& task, const Layout& layout, const comm::Group& world, Shared& shared) {
  const spec::Mesh mesh(layout.mesh, world.rank());
  parallel::StoreGroups groups{group_along(mesh, world, spec::Axis::tp), group_along(mesh, world, spec::Axis::dp),
                               group_along(mesh, world, spec::Axis::pp), world};
  const auto stages = cut_stages(static_cast<int>(model.blocks.size()), layout.mesh.pp, layout.virtual_stages);
  std::vector<int> owner;
  for (const auto& stage : stages) owner.insert(owner.end(), stage.end - stage.begin, stage.owner);
  parallel::StorePolicy policy;
  policy.compute = layout.compute;
  policy.zero = layout.zero;
  policy.overlap = layout.overlap;
  policy.bucket_bytes = layout.bucket_bytes;
  policy.sequence_parallel = layout.sequence_parallel;
  parallel::ParamStore store(model, owner, mesh, groups, policy);
  store.initialise(11);
  const auto region = parallel::make_region(groups.tp, layout.sequence_parallel);
  pipeline::ExecutorSetup setup;
  setup.model = &model;
  setup.stages = stages;
  setup.pp = groups.pp;
  setup.seams[""] = {region.get(), nullptr, nullptr};
  setup.hooks = {store.hooks()};
  setup.recompute = layout.recompute;
  for (int b : store.local_blocks()) {
    setup.blocks.push_back({&model.blocks[b], make_block(model.blocks[b], store.params_of(b)), store.params_of(b)});
  }
  pipeline::Executor executor(std::move(setup));
  const int dp = layout.mesh.dp, per_rank = task.microbatches / dp;
  const auto ops = operations(groups.pp.rank(), layout.mesh.pp, layout.virtual_stages, per_rank);
  for (int step = 0; step < task.steps; ++step) {
    std::vector<step::MicroBatch> batches;
    double weight = 0;
    for (int m = 0; m < task.microbatches; ++m) {
      const int64_t index = m;
      weight += batch_weight(index, kRows);
      if (m % dp != groups.dp.rank()) continue;
      batches.push_back(make_batch(index, kRows, layout.sequence_parallel ? layout.mesh.tp : 1));
    }
    pipeline::StepSettings settings;
    settings.step = step;
    settings.compute_dtype = platform::to_torch(layout.compute);
    settings.seeds["error"] = 1.0 / weight;
    for (auto& batch : batches) {
      for (const char* name : {"x", "target", "weights"}) {
        at::Tensor& tensor = batch.tensors().find(name)->second.tensor;
        tensor = tensor.to(settings.compute_dtype);
      }
    }
    store.begin_step(per_rank);
    const auto result = executor.run(ops, batches, settings);
    store.finish_gradients();
    const at::Tensor norm = store.gradient_norm();
    if (step == 0) shared.grads.add(store.placed({"grad"}));
    double loss = 0;
    if (!result.losses.empty() && groups.tp.rank() == 0) loss = result.losses.at("error").sum.item<double>() / weight;
    loss = world.all_reduce_host({loss}).front();
    if (world.rank() == 0) {
      shared.losses.push_back(loss);
      shared.norms.push_back(norm.item<double>());
    }
    step_shards(store, norm, task.max_norm);
    store.publish_weights();
  }
  shared.params.add(store.placed({"master"}));
}

void expect_close(const char* what, const std::map<std::string, at::Tensor>& got, const std::map<std::string, at::Tensor>& want,
                  double tolerance) {
  ASSERT_EQ(got.size(), want.size());
  for (const auto& [name, tensor] : want) {
    const double scale = std::max(1e-30, tensor.nan_to_num().abs().max().item<double>());
    const double error = got.at(name).nan_to_num(-1e9).sub(tensor.nan_to_num(-1e9)).abs().max().item<double>();
    EXPECT_LE(error / scale, tolerance) << what << " of " << name;
  }
}

}  // namespace

Outcome run_toy(const Task& task, const Layout& layout) {
  spec::ModelSpec model = make_spec(task.shape);
  for (auto& block : model.blocks) {
    for (auto& param : block.params) {
      if (task.frozen.count(param.name) != 0) param.update = spec::Update::frozen;
    }
  }
  Shared shared(model);
  comm::ThreadOptions options;
  options.mode = layout.mode;
  options.seed = 3;
  comm::ThreadWorld world(layout.mesh.world(), options);
  world.run([&](comm::Group group) { train_rank(model, task, layout, group, shared); });
  return {shared.params.take(), shared.grads.take(), shared.losses, shared.norms};
}

void expect_equal(const Outcome& got, const Outcome& want, double tolerance) {
  expect_close("gradient", got.first_grads, want.first_grads, tolerance);
  expect_close("value", got.params, want.params, tolerance);
  ASSERT_EQ(got.losses.size(), want.losses.size());
  for (size_t i = 0; i < want.losses.size(); ++i) {
    EXPECT_NEAR(got.losses[i], want.losses[i], tolerance * std::abs(want.losses[i])) << "loss of step " << i;
    EXPECT_NEAR(got.norms[i], want.norms[i], tolerance * want.norms[i]) << "norm of step " << i;
  }
}

}  // namespace loongforge::toy
