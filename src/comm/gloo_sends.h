// SPDX-License-Identifier: Apache-2.0
// Seeing sends complete: c10d's work of a gloo send tells nothing before its wait(), which closes all connections when
// given a time that passes, so it can't be polled. Included only by gloo_group.cpp.
#pragma once
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>

#include "comm/process_context.h"

#include <torch/csrc/distributed/c10d/Work.hpp>

namespace loongforge::comm {

/// A send whose end a thread of its group's GlooSends has seen or will see.
class GlooSend final : public WorkImpl {
 public:
  GlooSend(std::shared_ptr<ProcessContext> context, std::string what, std::shared_future<void> end)
      : context_(std::move(context)), what_(std::move(what)), end_(std::move(end)) {}
  void wait() override { translated(context_.get(), what_, [&] { end_.get(); }); }
  bool done() override { return end_.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }

 private:
  std::shared_ptr<ProcessContext> context_;
  std::string what_;
  std::shared_future<void> end_;
};

/// Waits for a group's sends in their order, on a thread that the first one starts. A send's tensor is let go of then.
class GlooSends {
 public:
  using C10dWork = c10::intrusive_ptr<c10d::Work>;

  /// Unblocks what is under way: it fails.
  ~GlooSends() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      stopping_ = true;
      for (const Pending& send : pending_) send.work->abort();
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

  std::shared_future<void> add(C10dWork work) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
    pending_.push_back({std::move(work), {}});
    changed_.notify_all();
    return pending_.back().end.get_future().share();
  }

 private:
  struct Pending {
    C10dWork work;
    std::promise<void> end;
  };

  void run() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] { return stopping_ || !pending_.empty(); });
      if (pending_.empty()) return;
      const C10dWork work = pending_.front().work;  // stays listed while waited for, so that it can be aborted
      lock.unlock();
      std::exception_ptr failure;
      try {
        if (!work->wait()) throw CommError("aborted");
      } catch (...) {
        failure = std::current_exception();
      }
      lock.lock();
      Pending send = std::move(pending_.front());
      pending_.pop_front();
      if (failure) send.end.set_exception(failure);
      else send.end.set_value();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Pending> pending_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace loongforge::comm
