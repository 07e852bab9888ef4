// SPDX-License-Identifier: Apache-2.0
#include "pipeline/block_run.h"

#include <ATen/ops/full_like.h>
#include <c10/core/GradMode.h>

#include "loongforge/core/error.h"
#include "loongforge/step/function.h"

namespace loongforge::pipeline {
namespace {

bool wants_gradient(const step::State::Entry& entry) {
  return entry.differentiable && at::isFloatingType(entry.tensor.scalar_type());
}

step::State detached(const step::State& state) {
  step::State result;
  for (const auto& entry : state.entries()) result.set(entry.name, entry.tensor.detach(), entry.differentiable);
  return result;
}

void accumulate(StateGrads& grads, const std::string& name, const at::Tensor& grad) {
  if (!grad.defined()) return;
  at::Tensor& sum = grads[name];
  sum = sum.defined() ? sum.add(grad) : grad;
}

const std::string* name_of(const step::State& state, const at::Tensor& tensor) {
  for (const auto& entry : state.entries()) {
    if (entry.tensor.is_same(tensor)) return &entry.name;
  }
  return nullptr;
}

std::vector<step::LossTerm> detached_losses(const std::vector<step::LossTerm>& losses) {
  std::vector<step::LossTerm> result = losses;
  for (step::LossTerm& term : result) term.sum = term.sum.detach();
  return result;
}

}  // namespace

void BlockRun::record(step::State inputs, const step::MicroBatch& batch, step::StepContext& context) {
  c10::AutoGradMode on(true);
  inputs_ = step::State();
  for (auto& entry : inputs.entries()) {
    at::Tensor leaf = entry.tensor.detach();
    if (wants_gradient(entry)) leaf.set_requires_grad(true);
    inputs_.set(entry.name, std::move(leaf), entry.differentiable);
  }
  context.losses.clear();
  outputs_ = block_->forward(inputs_, batch, context);
  losses_ = std::move(context.losses);
  context.losses = detached_losses(losses_);
}

step::State BlockRun::forward(step::State inputs, const step::MicroBatch& batch, step::StepContext& context, bool recompute) {
  recompute_ = recompute;
  context.pass = step::Pass::forward;
  if (recompute) {
    inputs_ = inputs;
    return evaluate(*block_, std::move(inputs), batch, context);
  }
  record(std::move(inputs), batch, context);
  return detached(outputs_);
}

StateGrads BlockRun::backward(StateGrads grads, const step::MicroBatch& batch, step::StepContext& context) {
  if (recompute_) {
    context.pass = step::Pass::recompute;
    record(inputs_, batch, context);
  }
  StateGrads result;
  std::vector<at::Tensor> roots, root_grads;
  for (const auto& entry : outputs_.entries()) {
    const auto grad = grads.find(entry.name);
    if (!wants_gradient(entry) || grad == grads.end() || !grad->second.defined()) continue;
    if (const std::string* passed_through = name_of(inputs_, entry.tensor)) {
      accumulate(result, *passed_through, grad->second);
    } else if (entry.tensor.requires_grad()) {
      roots.push_back(entry.tensor);
      root_grads.push_back(grad->second);
    }
  }
  for (const step::LossTerm& term : losses_) {
    if (!term.sum.requires_grad()) continue;
    roots.push_back(term.sum);
    root_grads.push_back(at::full_like(term.sum, term.seeded ? 1.0 : context.seed(term.name)));
  }
  grads.clear();
  outputs_ = step::State();
  losses_.clear();
  if (!roots.empty()) step::backward(roots, root_grads);
  for (const auto& entry : inputs_.entries()) accumulate(result, entry.name, entry.tensor.grad());
  inputs_ = step::State();
  return result;
}

step::State BlockRun::evaluate(nn::Block& block, step::State inputs, const step::MicroBatch& batch, step::StepContext& context) {
  c10::AutoGradMode off(false);
  context.losses.clear();
  return block.forward(std::move(inputs), batch, context);
}

}  // namespace loongforge::pipeline
