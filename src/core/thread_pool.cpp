// SPDX-License-Identifier: Apache-2.0
#include "loongforge/core/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>
#include <fstream>
#include <string>

#include "loongforge/core/error.h"

namespace loongforge {
namespace {

/// What one parallel_for shares with its helpers; it outlives the call when a helper starts late.
struct Loop {
  Loop(size_t n, size_t step, const std::function<void(size_t)>& f) : count(n), grain(step), body(f) {}

  const size_t count, grain;
  const std::function<void(size_t)>& body;  // touched only while indices are left, so never after the call returned
  std::atomic<size_t> next{0};
  std::atomic<bool> failed{false};
  std::mutex mutex;
  std::condition_variable idle;
  size_t active = 0;
  std::exception_ptr error;

  void take_part() {
    {
      std::lock_guard lock(mutex);
      if (next >= count) return;
      ++active;
    }
    for (size_t first; !failed && (first = next.fetch_add(grain)) < count;) run(first, std::min(first + grain, count));
    std::lock_guard lock(mutex);
    if (--active == 0) idle.notify_all();
  }

  void run(size_t first, size_t last) {
    try {
      for (size_t i = first; i < last; ++i) body(i);
    } catch (...) {
      std::lock_guard lock(mutex);
      if (!error) error = std::current_exception();
      failed = true;
      next = count;
    }
  }
};

// cgroup v2 writes "<quota> <period>" or "max <period>".
size_t cgroup_limit() {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || quota == "max" || period <= 0) return SIZE_MAX;
  return static_cast<size_t>(std::max(1.0, std::ceil(std::strtod(quota.c_str(), nullptr) / period)));
}

}  // namespace

size_t usable_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  size_t allowed = ::sched_getaffinity(0, sizeof set, &set) == 0 ? static_cast<size_t>(CPU_COUNT(&set))
                                                                  : std::thread::hardware_concurrency();
  return std::max<size_t>(1, std::min(allowed, cgroup_limit()));
}

ThreadPool::ThreadPool(size_t threads) {
  if (threads == 0) threads = usable_processors();
  threads_.reserve(threads);
  for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::enqueue(std::function<void()> job) {
  {
    std::lock_guard lock(mutex_);
    LF_ASSERT(!stopping_, "work submitted to a pool that is being destroyed");
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
}

void ThreadPool::work() {
  for (;;) {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    std::function<void()> job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
  }
}

void ThreadPool::parallel_for(size_t count, const std::function<void(size_t)>& body, size_t grain) {
  LF_ASSERT(grain > 0);
  if (count == 0) return;
  auto loop = std::make_shared<Loop>(count, grain, body);
  size_t pieces = (count + grain - 1) / grain;
  for (size_t i = 1; i < std::min(pieces, size() + 1); ++i) enqueue([loop] { loop->take_part(); });
  loop->take_part();
  std::unique_lock lock(loop->mutex);
  loop->idle.wait(lock, [&] { return loop->active == 0; });
  if (loop->error) std::rethrow_exception(loop->error);
}

}  // namespace loongforge
