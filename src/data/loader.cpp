// SPDX-License-Identifier: Apache-2.0
#include "loongforge/data/loader.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>

#include "loongforge/core/error.h"
#include "loongforge/core/rng.h"

namespace loongforge::data {

int64_t sample_at(int64_t position, int64_t size, uint64_t seed, bool shuffle) {
  const int64_t epoch = position / size, within = position % size;
  if (!shuffle) return within;
  const RngKey key = rng_key(seed, {name_hash("sample order"), static_cast<uint64_t>(epoch)});
  return static_cast<int64_t>(permute(key, static_cast<uint64_t>(within), static_cast<uint64_t>(size)));
}

namespace {

int64_t samples_of_step(const LoaderOptions& options, int64_t consumed) {
  if (options.total_samples < 0) return options.global_batch_size;
  return std::min(options.global_batch_size, options.total_samples - consumed);
}

std::vector<int64_t> micro_batch_indices(const Dataset& dataset, const LoaderOptions& options, int64_t first,
                                         int64_t count) {
  std::vector<int64_t> indices;
  for (int64_t i = 0; i < count; ++i) {
    indices.push_back(sample_at(first + i, dataset.size(), options.seed, options.shuffle));
  }
  return indices;
}

}  // namespace

std::optional<StepBatch> make_step(const Dataset& dataset, const LoaderOptions& options, int64_t consumed) {
  const int64_t samples = samples_of_step(options, consumed), size = options.micro_batch_size;
  if (samples <= 0 || dataset.size() == 0) return std::nullopt;
  const int64_t micro_batches = (samples + size - 1) / size;
  const int64_t per_rank = (micro_batches + options.dp_size - 1) / options.dp_size;
  StepBatch step;
  step.samples = samples;
  for (int64_t i = 0; i < per_rank; ++i) {
    const int64_t number = i * options.dp_size + options.dp_rank;
    const bool real = number < micro_batches;
    // A rank without a microbatch of its own runs the step's first one without loss, so that all ranks take part in
    // the same collectives.
    const int64_t first = real ? number * size : 0;
    const int64_t count = std::min(size, samples - first);
    auto batch = dataset.collate(micro_batch_indices(dataset, options, consumed + first, count), options.row_multiple);
    if (real) {
      step.units += dataset.units(batch);
    } else {
      dataset.silence(batch);
    }
    step.micro.push_back(std::move(batch));
    step.index.push_back(number);
  }
  return step;
}

struct Loader::Impl {
  std::shared_ptr<const Dataset> dataset;
  LoaderOptions options;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::optional<StepBatch>> ready;
  std::exception_ptr failure;
  bool stop = false;
  std::thread thread;

  void run(int64_t consumed) {
    try {
      while (true) {
        auto step = make_step(*dataset, options, consumed);
        const bool end = !step.has_value();
        if (!end) consumed += step->samples;
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return stop || static_cast<int>(ready.size()) < options.prefetch; });
        if (stop) return;
        ready.push_back(std::move(step));
        changed.notify_all();
        if (end) return;
      }
    } catch (...) {
      std::lock_guard lock(mutex);
      failure = std::current_exception();
      changed.notify_all();
    }
  }
};

Loader::Loader(std::shared_ptr<const Dataset> dataset, LoaderOptions options, int64_t consumed)
    : impl_(std::make_unique<Impl>()), consumed_(consumed) {
  LF_ASSERT(options.micro_batch_size > 0 && options.global_batch_size > 0 && options.dp_size > 0);
  if (dataset->size() == 0) {
    throw DataError("the dataset holds no sample", "check data.path, and that a sample is no longer than the data");
  }
  impl_->dataset = std::move(dataset);
  impl_->options = options;
  if (options.prefetch > 0) impl_->thread = std::thread([this, consumed] { impl_->run(consumed); });
}

Loader::~Loader() {
  {
    std::lock_guard lock(impl_->mutex);
    impl_->stop = true;
  }
  impl_->changed.notify_all();
  if (impl_->thread.joinable()) impl_->thread.join();
}

std::optional<StepBatch> Loader::next() {
  std::optional<StepBatch> step;
  if (impl_->options.prefetch == 0) {
    step = make_step(*impl_->dataset, impl_->options, consumed_);
  } else {
    std::unique_lock lock(impl_->mutex);
    impl_->changed.wait(lock, [&] { return !impl_->ready.empty() || impl_->failure; });
    if (impl_->ready.empty()) std::rethrow_exception(impl_->failure);
    step = std::move(impl_->ready.front());
    if (step) impl_->ready.pop_front();  // the end of the data stays in the queue
    impl_->changed.notify_all();
  }
  if (step) consumed_ += step->samples;
  return step;
}

step::MicroBatch to_device(step::MicroBatch batch, at::Device device) {
  for (auto& [name, entry] : batch.tensors()) {
    if (entry.tensor.device() != device) entry.tensor = entry.tensor.to(device, /*non_blocking=*/true);
  }
  return batch;
}

}  // namespace loongforge::data
