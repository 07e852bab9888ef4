// SPDX-License-Identifier: Apache-2.0
// One training step: plan (global loss weights) → blocks → gradients → norm → optimizer → weights.
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include "loongforge/core/error.h"
#include "loongforge/core/failpoint.h"
#include "loongforge/core/log.h"
#include "loongforge/core/rng.h"
#include "loongforge/platform/device.h"
#include "loongforge/platform/dtype.h"
#include "trainer_impl.h"

namespace loongforge::train {

namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

at::ScalarType scalar_dtype(const config::RunConfig& config) {
  return platform::acc(platform::to_torch(config.precision.dtype));
}

double model_flops(const spec::ModelSpec& model, double rows, double squared_rows) {
  double forward = 0;
  for (const auto& block : model.blocks) {
    // Causal attention needs half of the full product.
    forward += block.cost.gemm_flops_per_row * rows + block.cost.attention_flops_per_row2 * squared_rows / 2;
  }
  return 3 * forward;
}

}  // namespace

/// Host-side: one all-reduce over the world gives every rank the same weights, counts and stop decision.
StepPlan Trainer::Impl::plan(const std::vector<step::MicroBatch>& batches, double units) {
  std::map<std::string, double, std::less<>> local;
  double squared_rows = 0;
  for (const auto& batch : batches) {
    for (const auto& [term, weight] : factory.loss_weights(batch)) local[term] += weight;
    if (batch.has_host("squared_rows")) squared_rows += static_cast<double>(batch.host("squared_rows").at(0));
  }
  const auto& mesh = stage->mesh();
  // Ranks that share the data (tp, pp) count once.
  const bool counts = mesh.index(spec::Axis::tp) == 0 && mesh.index(spec::Axis::pp) == 0;
  std::vector<double> values;
  for (const auto& [term, weight] : local) values.push_back(counts ? weight : 0.0);
  values.push_back(counts ? units : 0.0);
  values.push_back(counts ? squared_rows : 0.0);
  values.push_back(stop_signal());
  values = stage->groups().world.all_reduce_host(std::move(values));
  StepPlan plan;
  size_t i = 0;
  for (const auto& [term, weight] : local) {
    const double total = values[i++];
    const auto found = factory.loss_coefficients.find(term);
    const double coefficient = found == factory.loss_coefficients.end() ? 1.0 : found->second;
    plan.weights[term] = total;
    plan.seeds[term] = total > 0 ? coefficient / total : 0.0;
  }
  plan.units = values[i];
  plan.squared_rows = values[i + 1];
  plan.stop_signal = values[i + 2] != 0 ? std::max(stop_signal(), 15) : 0;
  return plan;
}

pipeline::StepResult Trainer::Impl::run_blocks(const std::vector<step::MicroBatch>& batches, const StepPlan& plan,
                                               step::Phase phase, std::vector<int64_t> ids) {
  pipeline::StepSettings settings;
  settings.phase = phase;
  settings.step = steps;
  settings.key = rng_key(seed(), {name_hash("step"), static_cast<uint64_t>(steps)});
  settings.compute_dtype = platform::to_torch(config.precision.dtype);
  settings.seeds = plan.seeds;
  settings.microbatch_ids = std::move(ids);
  const auto ops = stage->operations(static_cast<int>(batches.size()), phase != step::Phase::train);
  return stage->executor().run(ops, batches, settings);
}

/// Mean of each term over the global batch, on the device of every rank.
at::Tensor Trainer::Impl::reduce_losses(const pipeline::StepResult& result, const StepPlan& plan,
                                        const std::vector<std::string>& terms) {
  auto means = at::zeros({static_cast<int64_t>(terms.size())},
                         at::TensorOptions().dtype(scalar_dtype(config)).device(device));
  for (size_t i = 0; i < terms.size(); ++i) {
    const auto found = result.losses.find(terms[i]);
    const double weight = plan.weights.at(terms[i]);
    if (found == result.losses.end() || weight <= 0) continue;
    means[static_cast<int64_t>(i)].copy_(found->second.sum.div(weight));
  }
  stage->groups().dp.all_reduce(means).wait();
  stage->groups().pp.all_reduce(means).wait();
  return means;
}

bool Trainer::Impl::step(Trainer& trainer) {
  if (steps >= total_steps || stopping) return false;
  c10::AutoGradMode no_recording(false);
  const auto started = Clock::now();
  auto batch = loader->next();
  if (!batch) return false;
  StepReport report;
  report.data_seconds = seconds_since(started);
  failpoint("train.step");
  const StepPlan now = plan(batch->micro, static_cast<double>(batch->units));
  auto& store = stage->store();
  store.begin_step(static_cast<int>(batch->micro.size()));
  const auto result =
      run_blocks((*uploader)(std::move(batch->micro)), now, step::Phase::train, std::move(batch->index));
  store.finish_gradients();
  const at::Tensor norm = store.gradient_norm();
  for (auto& hook : hooks) hook->after_gradients(trainer);
  PendingReport next;
  for (const auto& [term, weight] : now.weights) {
    next.terms.push_back(term);
    next.coefficients.push_back(now.seeds.at(term) * weight);
  }
  const at::Tensor losses = reduce_losses(result, now, next.terms);
  const auto decision = optim::decide(norm, config.optim.clip_grad, 1.0, losses);
  bool any_weight = false;
  for (const auto& [term, weight] : now.weights) any_weight = any_weight || weight > 0;
  report.lr = learning_rate(*schedule, steps);
  if (any_weight) {
    optimizer->step(report.lr, decision);
    store.publish_weights();
  }
  ++steps;
  consumed = loader->consumed();
  stopping = now.stop_signal;
  flush_report(trainer);

  next.values = at::cat({losses, norm.reshape({1}).to(scalar_dtype(config)),
                         decision.skip.reshape({1}).to(scalar_dtype(config))});
  report.step = steps;
  report.units = now.units;
  report.skipped = !any_weight;
  report.flops = model_flops(stage->model(), now.units, now.squared_rows);
  report.consumed_samples = consumed;
  report.seconds = seconds_since(started);
  next.report = std::move(report);
  pending = std::move(next);
  for (auto& hook : hooks) hook->after_step(trainer);
  return true;
}

/// host_sync: reads the scalars of the step before, and applies the policy for values that are not finite.
void Trainer::Impl::flush_report(Trainer& trainer) {
  if (!pending) return;
  const at::Tensor host = platform::to_host(pending->values).to(at::ScalarType::Double);
  const auto* values = host.const_data_ptr<double>();
  StepReport report = std::move(pending->report);
  const size_t terms = pending->terms.size();
  for (size_t i = 0; i < terms; ++i) {
    report.losses[pending->terms[i]] = values[i];
    report.loss += pending->coefficients[i] * values[i];
  }
  report.grad_norm = values[terms];
  const bool not_finite = values[terms + 1] != 0;
  report.skipped = report.skipped || not_finite;
  pending.reset();
  skipped_in_a_row = not_finite ? skipped_in_a_row + 1 : 0;
  for (auto& hook : hooks) hook->on_report(trainer, report);
  const bool halt = config.fault.nan == config::OnNan::halt || skipped_in_a_row > config.fault.max_skipped;
  if (not_finite && halt) {
    throw NumericError(fmt::format("step {}: loss {} or gradient norm {} is not finite", report.step, report.loss,
                                   report.grad_norm),
                       "lower optim.lr, check the data of that step, or set fault.nan=skip; its update was not applied, and "
                       "every checkpoint is from before it");
  }
  if (not_finite) {
    log_warning("step {}: loss {} or gradient norm {} is not finite, update skipped", report.step, report.loss, report.grad_norm);
  }
}

}  // namespace loongforge::train
