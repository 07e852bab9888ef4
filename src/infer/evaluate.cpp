// SPDX-License-Identifier: Apache-2.0
#include "loongforge/infer/evaluate.h"

#include <ATen/ops/cat.h>
#include <c10/core/AutogradState.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <numeric>

#include "loongforge/core/error.h"
#include "loongforge/data/uploader.h"
#include "loongforge/platform/device.h"

namespace loongforge::infer {

namespace {

std::vector<std::vector<int64_t>> batches_of(const data::Dataset& dataset, int64_t batch_size) {
  std::vector<std::vector<int64_t>> batches;
  for (int64_t first = 0; first < dataset.size(); first += batch_size) {
    batches.emplace_back(std::min(batch_size, dataset.size() - first));
    std::iota(batches.back().begin(), batches.back().end(), first);
  }
  return batches;
}

double sum_of(const std::map<std::string, double, std::less<>>& weights) {
  double sum = 0;
  for (const auto& [term, weight] : weights) sum += weight;
  return sum;
}

at::Tensor logits_of(Model& model, step::MicroBatch batch) {
  c10::AutoGradMode no_recording(false);
  batch.tensors().erase("labels");
  auto context = model.context(step::Phase::infer);
  return model.forward(batch, context).take("logits");
}

}  // namespace

Evaluation evaluate(Model& model, const data::Dataset& dataset, const EvaluateOptions& options) {
  c10::AutogradState::get_tls_state().set_multithreading_enabled(false);
  const auto batches = batches_of(dataset, options.batch_size);
  Evaluation result;
  for (const auto& indices : batches) result.labelled_rows += sum_of(model.loss_weights(dataset.collate(indices, 1)));
  if (result.labelled_rows == 0) throw DataError("nothing to evaluate: no row has a label", "give sequences of two ids or more");
  const data::Uploader upload(model.device());
  std::vector<at::Tensor> logits;
  for (const auto& indices : batches) {
    const auto batch = std::move(upload({dataset.collate(indices, 1)}).front());
    if (options.logits) logits.push_back(logits_of(model, batch));
    c10::AutoGradMode recording(options.gradients);
    auto context = model.context(options.gradients ? step::Phase::train : step::Phase::eval);
    for (const auto& [term, weight] : model.loss_weights(dataset.collate(indices, 1))) {
      context.seeds[term] = 1.0 / result.labelled_rows;
    }
    model.forward(batch, context);
    for (const auto& term : context.losses) {
      result.loss += platform::to_host(term.sum.detach()).item<double>();
      if (options.gradients) (term.seeded ? term.sum : term.sum.mul(context.seed(term.name))).backward();
    }
  }
  result.loss /= result.labelled_rows;
  if (options.logits) result.logits = at::cat(logits);
  return result;
}

}  // namespace loongforge::infer
