// SPDX-License-Identifier: Apache-2.0
#include "loongforge/comm/thread_world.h"

#include <exception>
#include <mutex>
#include <numeric>
#include <thread>

#include "comm/thread_group.h"
#include "loongforge/core/error.h"
#include "loongforge/platform/runtime.h"

namespace loongforge::comm {
namespace {

/// Keeps the exception of the first rank that failed, in time.
class FirstFailure {
 public:
  void offer(std::exception_ptr failure) {
    std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::move(failure);
  }
  void rethrow() const {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  std::mutex mutex_;
  std::exception_ptr failure_;
};

std::string text_of(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "an unknown exception";
  }
}

}  // namespace

ThreadWorld::ThreadWorld(int size, ThreadOptions options)
    : size_(size), options_(options), store_(make_memory_store()) {
  LF_ASSERT(size >= 1);
}

void ThreadWorld::run(const std::function<void(Group)>& body) {
  auto state = std::make_shared<ThreadState>(size_, options_);
  auto members = std::make_shared<ThreadMembers>();
  members->name = "world";
  members->world_ranks.resize(static_cast<size_t>(size_));
  std::iota(members->world_ranks.begin(), members->world_ranks.end(), 0);
  store_ = make_memory_store();
  ledgers_.clear();
  for (int rank = 0; rank < size_; ++rank) ledgers_.push_back(std::make_shared<Ledger>(rank));

  FirstFailure first;
  const auto rank_main = [&](int rank) {
    state->enter_rank(rank);
    std::exception_ptr failure;
    try {
      platform::RankThread rank_thread;
      platform::IntraOpThreads one(1);
      body(Group(std::make_shared<ThreadGroup>(state, members, rank), rank, size_, "world", members->world_ranks,
                 ledgers_[static_cast<size_t>(rank)]));
    } catch (...) {
      failure = std::current_exception();
      first.offer(failure);
    }
    state->leave_rank(rank, failure ? text_of(failure) : "");
  };
  // LibTorch's thread count has a process-wide part: what rank threads set must not outlive them.
  platform::IntraOpThreads restore(1);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size_; ++rank) threads.emplace_back(rank_main, rank);
  for (auto& thread : threads) thread.join();
  first.rethrow();
}

}  // namespace loongforge::comm
