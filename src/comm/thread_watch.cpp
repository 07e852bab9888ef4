// SPDX-License-Identifier: Apache-2.0
// ThreadState's view of who is stuck, and its random delays.
#include <algorithm>
#include <chrono>

#include "comm/thread_state.h"
#include "loongforge/core/error.h"
#include "loongforge/core/rng.h"

namespace loongforge::comm {

bool ThreadState::anyone_waits_for(const ThreadOp* op) const {
  if (foreign_threads_) return true;
  return std::any_of(waits_.begin(), waits_.end(), [&](const auto& waiting) { return waiting.get() == op; });
}

std::string ThreadState::absent_text(const ThreadOp& op) const {
  std::string text;
  for (size_t slot = 0; slot < op.calls.size(); ++slot) {
    if (op.calls[slot]) continue;
    const int rank = op.ranks[slot];
    text += fmt::format("{}rank {} never called it{}", text.empty() ? "" : ", ", rank,
                        left_[static_cast<size_t>(rank)] ? " and has returned" : "");
  }
  return text.empty() ? "it is still running" : text;
}

std::string ThreadState::waiting_text() const {
  std::string text;
  for (size_t rank = 0; rank < waits_.size(); ++rank) {
    const auto& op = waits_[rank];
    if (!op) continue;
    std::string what;
    for (const auto& call : op->calls) {
      if (call && what.empty()) what = describe(*call);
    }
    text += fmt::format("{}rank {} waits in {} ({}): {}", text.empty() ? "" : "; ", rank, op->title, what,
                        absent_text(*op));
  }
  return text;
}

void ThreadState::check_deadlock() {
  if (foreign_threads_ || live_ == 0) return;
  size_t blocked = 0;
  for (const auto& op : waits_) {
    if (op && op->progress == ThreadOp::Progress::gathering) ++blocked;
  }
  if (blocked == live_) fail("deadlock: " + waiting_text());
}

bool ThreadState::pick_lazy(uint64_t stream, uint64_t index) const {
  if (options_.mode != ThreadMode::random_delay) return false;
  return uniform(rng_key(options_.seed, {1, stream}), index) < 0.75;
}

void ThreadState::perturb(int world_rank) {
  if (options_.mode != ThreadMode::random_delay) return;
  const auto rank = static_cast<uint64_t>(world_rank);
  uint64_t count = 0;
  {
    std::lock_guard lock(mutex_);
    count = perturbations_[rank]++;
  }
  const double draw = uniform(rng_key(options_.seed, {2, rank}), count);
  if (draw < 0.25) std::this_thread::yield();
  if (draw > 0.75) std::this_thread::sleep_for(std::chrono::microseconds(static_cast<int64_t>((draw - 0.75) * 400)));
}

}  // namespace loongforge::comm
