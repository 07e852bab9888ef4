// SPDX-License-Identifier: Apache-2.0
#include "comm/thread_state.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "comm/thread_streams.h"
#include "loongforge/core/error.h"

namespace loongforge::comm {

ThreadState::ThreadState(int size, const ThreadOptions& options)
    : options_(options), waits_(static_cast<size_t>(size)), left_(static_cast<size_t>(size)),
      threads_(static_cast<size_t>(size)), perturbations_(static_cast<size_t>(size)),
      live_(static_cast<size_t>(size)) {}

void ThreadState::enter_rank(int rank) {
  std::lock_guard lock(mutex_);
  threads_[static_cast<size_t>(rank)] = std::this_thread::get_id();
}

void ThreadState::leave_rank(int rank, const std::string& error) {
  std::lock_guard lock(mutex_);
  left_[static_cast<size_t>(rank)] = true;
  --live_;
  if (!error.empty()) {
    fail(fmt::format("rank {} failed: {}", rank, error));
  } else {
    check_deadlock();
  }
}

void ThreadState::throw_if_failed() const {
  if (failure_) throw CommError(*failure_, "the rank named first is the cause");
}

void ThreadState::fail(const std::string& why) {
  if (failure_) return;
  failure_ = why;
  for (const auto& op : waits_) {
    if (op) op->changed.notify_all();
  }
  for (const auto& [key, op] : gathering_) op->changed.notify_all();
  for (const auto& [key, queue] : messages_) {
    for (const auto& op : queue) op->changed.notify_all();
  }
}

void ThreadState::poison(const std::string& why) {
  std::lock_guard lock(mutex_);
  fail(why);
}

std::shared_ptr<ThreadOp> ThreadState::collective(const MembersPtr& members, uint64_t sequence, size_t slot,
                                                  ThreadCall call) {
  Lock lock(mutex_);
  throw_if_failed();
  auto& entry = gathering_[{members->id, sequence}];
  if (!entry) {
    entry = std::make_shared<ThreadOp>();
    entry->title = fmt::format("collective {} of group {}", sequence, members->name);
    entry->ranks = members->world_ranks;
    entry->calls.resize(members->world_ranks.size());
    entry->missing = entry->calls.size();
    entry->lazy = pick_lazy(members->id, sequence);
  }
  const std::shared_ptr<ThreadOp> op = entry;
  if (op->missing == 1) gathering_.erase({members->id, sequence});
  arrive(lock, op, slot, std::move(call));
  return op;
}

std::shared_ptr<ThreadOp> ThreadState::message(const MembersPtr& members, int from, int to, int64_t tag,
                                               ThreadCall call) {
  const size_t slot = call.kind == OpKind::send ? 0 : 1;
  Lock lock(mutex_);
  throw_if_failed();
  auto& queue = messages_[{members->id, from, to, tag}];
  std::shared_ptr<ThreadOp> op;
  if (!queue.empty() && !queue.front()->calls[slot]) {
    op = queue.front();
    queue.pop_front();
  } else {
    op = queue.emplace_back(std::make_shared<ThreadOp>());
    op->title = fmt::format("message {}->{} tag {} of group {}", from, to, tag, members->name);
    op->ranks = {members->world_ranks[static_cast<size_t>(from)], members->world_ranks[static_cast<size_t>(to)]};
    op->calls.resize(2);
    op->missing = 2;
    op->lazy = pick_lazy(0, message_count_++);
  }
  arrive(lock, op, slot, std::move(call));
  return op;
}

void ThreadState::arrive(Lock& lock, const std::shared_ptr<ThreadOp>& op, size_t slot, ThreadCall call) {
  const auto first = std::find_if(op->calls.begin(), op->calls.end(), [](const auto& c) { return c.has_value(); });
  if (first != op->calls.end()) {
    if (auto difference = mismatch(**first, call)) {
      const int other = op->ranks[static_cast<size_t>(first - op->calls.begin())];
      fail(fmt::format("rank {} called {} as {} where rank {} called {}: {}", op->ranks[slot], describe(call),
                       op->title, other, describe(**first), *difference));
      throw_if_failed();
    }
  }
  op->calls[slot] = std::move(call);
  if (--op->missing > 0) return;
  op->progress = ThreadOp::Progress::ready;
  if (!op->lazy || anyone_waits_for(op.get())) run(lock, op);
}

void ThreadState::run(Lock& lock, const std::shared_ptr<ThreadOp>& op) {
  op->progress = ThreadOp::Progress::running;
  lock.unlock();
  std::string error;
  try {
    await_callers(*op);
    execute(*op);
    op->finished = points_after(*op);
  } catch (const std::exception& e) {
    error = e.what();
  }
  lock.lock();
  if (!error.empty()) {
    fail(fmt::format("{} failed: {}", op->title, error));
    throw_if_failed();
  }
  op->progress = ThreadOp::Progress::done;
  // Freed here, so that a finished Work doesn't hold other ranks' memory.
  op->calls.clear();
  for (auto& waiting : waits_) {
    if (waiting == op) waiting.reset();
  }
  op->changed.notify_all();
}

void ThreadState::wait(const std::shared_ptr<ThreadOp>& op, int world_rank) {
  perturb(world_rank);
  using Progress = ThreadOp::Progress;
  Lock lock(mutex_);
  if (op->progress == Progress::done) return;
  throw_if_failed();
  if (op->progress == Progress::ready) return run(lock, op);
  const auto rank = static_cast<size_t>(world_rank);
  if (threads_[rank] == std::this_thread::get_id()) {
    waits_[rank] = op;
    if (op->progress == Progress::gathering) check_deadlock();
  } else {
    foreign_threads_ = true;
  }
  const bool woken = op->changed.wait_for(lock, options_.timeout,
                                          [&] { return op->progress == Progress::done || failure_.has_value(); });
  if (threads_[rank] == std::this_thread::get_id()) waits_[rank].reset();
  if (op->progress == Progress::done) return;
  if (!woken) {
    fail(fmt::format("rank {} waited {} ms in {}: {}", world_rank, options_.timeout.count(), op->title,
                     absent_text(*op)));
  }
  throw_if_failed();
}

bool ThreadState::done(const std::shared_ptr<ThreadOp>& op) {
  Lock lock(mutex_);
  if (op->progress == ThreadOp::Progress::ready) run(lock, op);
  return op->progress == ThreadOp::Progress::done;
}

MembersPtr ThreadState::split(const MembersPtr& parent, uint64_t sequence, const std::vector<int>& world_ranks,
                              const std::string& name, int world_rank) {
  std::lock_guard lock(mutex_);
  throw_if_failed();
  MembersPtr& entry = splits_[{parent->id, sequence}];
  if (!entry) entry = std::make_shared<ThreadMembers>(ThreadMembers{next_group_++, name, world_ranks});
  if (entry->name != name || entry->world_ranks != world_ranks) {
    fail(fmt::format("rank {} split group {} into {}{{{}}} where another rank split it into {}{{{}}}", world_rank,
                     parent->name, name, fmt::join(world_ranks, ","), entry->name,
                     fmt::join(entry->world_ranks, ",")));
    throw_if_failed();
  }
  return entry;
}

}  // namespace loongforge::comm
