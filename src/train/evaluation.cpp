// SPDX-License-Identifier: Apache-2.0
#include <c10/core/GradMode.h>

#include "loongforge/platform/device.h"
#include "trainer_impl.h"

namespace loongforge::train {

/// host_sync, once a batch. Mean loss over the validation samples in their own order: the same whatever the layout.
std::optional<double> Trainer::Impl::evaluate() {
  if (!valid_data || valid_data->size() == 0) return std::nullopt;
  c10::AutoGradMode no_recording(false);
  auto options = loader_options(*this, valid_data->size());
  options.shuffle = false;
  options.prefetch = 1;
  if (config.train.eval_batches > 0) {
    options.total_samples = std::min(options.total_samples, config.train.eval_batches * options.global_batch_size);
  }
  data::Loader samples(valid_data, options, 0);
  std::map<std::string, double, std::less<>> sums, weights;
  while (auto batch = samples.next()) {
    StepPlan now = plan(batch->micro, 0);
    std::vector<std::string> terms;
    for (const auto& [term, weight] : now.weights) terms.push_back(term);
    const auto micro = (*uploader)(std::move(batch->micro));
    const auto result = run_blocks(micro, now, step::Phase::eval, std::move(batch->index));
    const at::Tensor means = platform::to_host(reduce_losses(result, now, terms)).to(at::ScalarType::Double);
    for (size_t i = 0; i < terms.size(); ++i) {
      sums[terms[i]] += means.const_data_ptr<double>()[i] * now.weights.at(terms[i]);
      weights[terms[i]] += now.weights.at(terms[i]);
    }
  }
  double loss = 0;
  for (const auto& [term, weight] : weights) {
    const auto found = factory.loss_coefficients.find(term);
    if (weight > 0) loss += (found == factory.loss_coefficients.end() ? 1.0 : found->second) * sums[term] / weight;
  }
  return loss;
}

}  // namespace loongforge::train
