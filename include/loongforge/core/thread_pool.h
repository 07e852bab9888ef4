// SPDX-License-Identifier: Apache-2.0
// A fixed pool of host threads for work off the training thread: tokenising, reading, packing.
#pragma once
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace loongforge {

class ThreadPool {
 public:
  /// 0 threads: as many as the machine lets this process use.
  explicit ThreadPool(size_t threads = 0);
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  /// Finishes what was submitted, then joins.
  ~ThreadPool();

  size_t size() const { return threads_.size(); }

  /// Runs `task` on some thread, in order of submission; exceptions travel through the future.
  template <class F>
  auto submit(F task) -> std::future<std::invoke_result_t<F&>> {
    using Result = std::invoke_result_t<F&>;
    auto packaged = std::make_shared<std::packaged_task<Result()>>(std::move(task));
    auto future = packaged->get_future();
    enqueue([packaged] { (*packaged)(); });
    return future;
  }

  /// body(i) for every i in [0, count), each once, by the pool and the calling thread (so it may nest). Returns when
  /// all are done; after the first exception no new ones start, and it is rethrown. `grain` indices are taken at a
  /// time.
  void parallel_for(size_t count, const std::function<void(size_t)>& body, size_t grain = 1);

 private:
  void enqueue(std::function<void()> job);
  void work();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

/// Processors that this process may use (affinity and cgroup limits count), at least 1.
size_t usable_processors();

}  // namespace loongforge
