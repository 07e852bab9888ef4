// SPDX-License-Identifier: Apache-2.0
#include "loongforge/pipeline/executor.h"

#include <c10/core/AutogradState.h>

#include <chrono>

#include "loongforge/core/error.h"
#include "pipeline/block_run.h"
#include "pipeline/transfers.h"

namespace loongforge::pipeline {
namespace {

// Backward runs on the rank's own thread, so that handles and hooks need no locks.
class OwnThreadAutograd {
 public:
  OwnThreadAutograd() : before_(c10::AutogradState::get_tls_state().get_multithreading_enabled()) {
    c10::AutogradState::get_tls_state().set_multithreading_enabled(false);
  }
  ~OwnThreadAutograd() { c10::AutogradState::get_tls_state().set_multithreading_enabled(before_); }

 private:
  bool before_;
};

}  // namespace

struct Executor::Impl {
  /// A stage's forward for one microbatch, kept until its backward.
  struct StageRun {
    step::StepContext context;
    std::vector<BlockRun> blocks;
  };

  explicit Impl(ExecutorSetup setup_in);

  nn::PlacedBlock& block(int index) { return setup.blocks[position.at(index)]; }
  step::StepContext make_context(int microbatch) const;
  void use_seams(step::StepContext& context, const spec::BlockSpec& spec) const;
  void collect_losses(const step::StepContext& context);
  void forward(const Op& op);
  void backward(const Op& op);

  ExecutorSetup setup;
  std::map<int, size_t> position;  // block index in the model → in setup.blocks
  Transfers transfers;
  std::map<std::pair<int, int>, StageRun> runs;  // by (stage, microbatch)
  std::span<const step::MicroBatch> batches;
  const StepSettings* settings = nullptr;
  StepResult result;
};

Executor::Impl::Impl(ExecutorSetup setup_in) : setup(std::move(setup_in)), transfers(setup) {
  LF_ASSERT(setup.model != nullptr && !setup.stages.empty());
  size_t next = 0;
  for (const Stage& stage : setup.stages) {
    if (stage.owner != setup.pp.rank()) continue;
    for (int b = stage.begin; b < stage.end; ++b) {
      LF_ASSERT(next < setup.blocks.size() && setup.blocks[next].spec == &setup.model->blocks[b],
                "block {} is missing or out of order", b);
      position[b] = next++;
    }
  }
  LF_ASSERT(next == setup.blocks.size(), "{} blocks for {} places", setup.blocks.size(), next);
}

step::StepContext Executor::Impl::make_context(int microbatch) const {
  step::StepContext context;
  context.phase = settings->phase;
  context.step = settings->step;
  context.key = settings->key;
  context.compute_dtype = settings->compute_dtype;
  context.seeds = settings->seeds;
  context.microbatch = settings->microbatch_ids.empty() ? microbatch : settings->microbatch_ids.at(microbatch);
  return context;
}

void Executor::Impl::use_seams(step::StepContext& context, const spec::BlockSpec& spec) const {
  auto found = setup.seams.find(spec.component);
  if (found == setup.seams.end()) found = setup.seams.find("");
  context.seams = found == setup.seams.end() ? step::Seams{} : found->second;
}

void Executor::Impl::collect_losses(const step::StepContext& context) {
  for (const step::LossTerm& term : context.losses) {
    LossSum& total = result.losses[term.name];
    total.sum = total.sum.defined() ? total.sum.add(term.sum) : term.sum;
    total.weight_sum += term.weight_sum;
    total.coefficient = term.coefficient;
  }
}

void Executor::Impl::forward(const Op& op) {
  const Stage& stage = setup.stages.at(op.stage);
  const step::MicroBatch& batch = batches[op.microbatch];
  const bool train = settings->phase == step::Phase::train;
  step::State state = transfers.receive_state(op.stage, op.microbatch);
  StageRun run{make_context(op.microbatch), {}};
  for (int b = stage.begin; b < stage.end; ++b) {
    nn::PlacedBlock& placed = block(b);
    use_seams(run.context, *placed.spec);
    for (auto* hook : setup.hooks) hook->before_forward(b);
    if (train) {
      BlockRun& kept = run.blocks.emplace_back(*placed.block);
      state = kept.forward(std::move(state), batch, run.context, setup.recompute.applies(*placed.spec));
    } else {
      state = BlockRun::evaluate(*placed.block, std::move(state), batch, run.context);
    }
    for (auto hook = setup.hooks.rbegin(); hook != setup.hooks.rend(); ++hook) (*hook)->after_forward(b);
    collect_losses(run.context);
  }
  transfers.send_state(op.stage, op.microbatch, state);
  if (train) runs.emplace(std::pair(op.stage, op.microbatch), std::move(run));
}

void Executor::Impl::backward(const Op& op) {
  const Stage& stage = setup.stages.at(op.stage);
  const auto found = runs.find({op.stage, op.microbatch});
  LF_ASSERT(found != runs.end(), "backward of stage {}, microbatch {} before its forward", op.stage, op.microbatch);
  StageRun run = std::move(found->second);
  runs.erase(found);
  StateGrads grads = transfers.receive_grads(op.stage, op.microbatch);
  for (int b = stage.end - 1; b >= stage.begin; --b) {
    use_seams(run.context, *block(b).spec);
    for (auto* hook : setup.hooks) hook->before_backward(b);
    grads = run.blocks.back().backward(std::move(grads), batches[op.microbatch], run.context);
    run.blocks.pop_back();
    for (auto hook = setup.hooks.rbegin(); hook != setup.hooks.rend(); ++hook) (*hook)->after_backward(b);
  }
  transfers.send_grads(op.stage, op.microbatch, grads);
}

Executor::Executor(ExecutorSetup setup) : impl_(std::make_unique<Impl>(std::move(setup))) {}
Executor::~Executor() = default;

void Executor::add_hooks(parallel::BlockHooks& hooks) { impl_->setup.hooks.push_back(&hooks); }

std::span<nn::PlacedBlock> Executor::blocks() { return impl_->setup.blocks; }

StepResult Executor::run(std::span<const Op> ops, std::span<const step::MicroBatch> batches, const StepSettings& settings) {
  const auto start = std::chrono::steady_clock::now();
  OwnThreadAutograd own_thread;
  Impl& impl = *impl_;
  impl.runs.clear();
  impl.batches = batches;
  impl.settings = &settings;
  impl.result = StepResult{};
  impl.transfers.begin(batches, settings.compute_dtype, settings.step);
  std::vector<Op> list;
  for (const Op& op : ops) {
    if (op.kind == OpKind::forward || settings.phase == step::Phase::train) list.push_back(op);
  }
  for (size_t i = 0; i < list.size(); ++i) {
    const size_t until = std::min(list.size(), i + 1 + static_cast<size_t>(impl.setup.look_ahead));
    for (size_t ahead = i; ahead < until; ++ahead) impl.transfers.post(list[ahead]);
    list[i].kind == OpKind::forward ? impl.forward(list[i]) : impl.backward(list[i]);
  }
  impl.transfers.finish();
  impl.result.wait_seconds = impl.transfers.wait_seconds();
  impl.result.host_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return std::move(impl.result);
}

std::vector<Op> one_stage_ops(int microbatches) {
  std::vector<Op> ops;
  for (int i = 0; i < microbatches; ++i) {
    ops.push_back({OpKind::forward, 0, i});
    ops.push_back({OpKind::backward, 0, i});
  }
  return ops;
}

}  // namespace loongforge::pipeline
