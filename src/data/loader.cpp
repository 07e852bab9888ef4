// SPDX-License-Identifier: Apache-2.0
#include "loongforge/data/loader.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <thread>

#include "loongforge/core/error.h"
#include "loongforge/core/rng.h"
#include "loongforge/data/uploader.h"

namespace loongforge::data {

int64_t sample_at(int64_t position, int64_t size, uint64_t seed, bool shuffle) {
  const int64_t epoch = position / size, within = position % size;
  if (!shuffle) return within;
  const RngKey key = rng_key(seed, {name_hash("sample order"), static_cast<uint64_t>(epoch)});
  return static_cast<int64_t>(permute(key, static_cast<uint64_t>(within), static_cast<uint64_t>(size)));
}

int64_t Dataset::index_at(int64_t position, uint64_t seed, bool shuffle) const {
  return sample_at(position, size(), seed, shuffle);
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
    indices.push_back(dataset.index_at(first + i, options.seed, options.shuffle));
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
    step.micro.push_back(options.pin ? pinned(std::move(batch)) : std::move(batch));
    step.index.push_back(number);
  }
  return step;
}

/// Steps by the position of their first sample. Workers take the next position, make its step, and put it here; `next` takes
/// them in order. A failure is a step too: it is told when its turn comes, not before.
struct Loader::Impl {
  struct Made {
    std::optional<StepBatch> step;
    std::exception_ptr failure;
  };
  std::shared_ptr<const Dataset> dataset;
  LoaderOptions options;
  std::mutex mutex;
  std::condition_variable changed;
  std::map<int64_t, Made> ready;
  int64_t to_make = 0, to_give = 0;  ///< positions
  bool stop = false, ended = false;
  std::vector<std::thread> threads;

  bool has_room() const {
    const int ahead = std::max(options.prefetch, options.workers);
    return to_make - to_give < ahead * options.global_batch_size;
  }

  void run() {
    while (true) {
      int64_t position = 0;
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return stop || ended || has_room(); });
        if (stop || ended) return;
        position = to_make;
        to_make += options.global_batch_size;
      }
      Made made;
      try {
        made.step = make_step(*dataset, options, position);
      } catch (...) {
        made.failure = std::current_exception();
      }
      std::lock_guard lock(mutex);
      ended = ended || !made.step;
      ready.emplace(position, std::move(made));
      changed.notify_all();
    }
  }
};

Loader::Loader(std::shared_ptr<const Dataset> dataset, LoaderOptions options, int64_t consumed)
    : impl_(std::make_unique<Impl>()), consumed_(consumed) {
  LF_ASSERT(options.micro_batch_size > 0 && options.global_batch_size > 0 && options.dp_size > 0);
  if (dataset->size() == 0) {
    throw DataError("the dataset holds no sample", "check data.train, and that a sample is no longer than the data");
  }
  impl_->dataset = std::move(dataset);
  impl_->options = options;
  impl_->to_make = impl_->to_give = consumed;
  if (options.prefetch == 0) return;
  for (int i = 0; i < std::max(options.workers, 1); ++i) impl_->threads.emplace_back([this] { impl_->run(); });
}

Loader::~Loader() {
  {
    std::lock_guard lock(impl_->mutex);
    impl_->stop = true;
  }
  impl_->changed.notify_all();
  for (auto& thread : impl_->threads) thread.join();
}

std::optional<StepBatch> Loader::next() {
  std::optional<StepBatch> step;
  if (impl_->options.prefetch == 0) {
    step = make_step(*impl_->dataset, impl_->options, consumed_);
  } else {
    std::unique_lock lock(impl_->mutex);
    impl_->changed.wait(lock, [&] { return impl_->ready.contains(impl_->to_give); });
    auto& made = impl_->ready.at(impl_->to_give);
    if (made.failure) std::rethrow_exception(made.failure);
    if (!made.step) return std::nullopt;  // the end of the data stays
    step = std::move(made.step);
    impl_->ready.erase(impl_->to_give);
    impl_->to_give += impl_->options.global_batch_size;
    impl_->changed.notify_all();
  }
  if (step) consumed_ += step->samples;
  return step;
}

}  // namespace loongforge::data
