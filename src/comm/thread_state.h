// SPDX-License-Identifier: Apache-2.0
// What the ranks of a ThreadWorld share: operations being gathered, who waits for what, and whether the world failed.
#pragma once
#include <c10/core/Event.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "loongforge/comm/ledger.h"
#include "loongforge/comm/thread_world.h"

namespace loongforge::comm {

/// The members of one group, shared by its ranks.
struct ThreadMembers {
  uint64_t id = 0;
  std::string name;
  std::vector<int> world_ranks;
};
using MembersPtr = std::shared_ptr<const ThreadMembers>;

/// What one rank brings to an operation.
struct ThreadCall {
  OpKind kind = OpKind::barrier;
  at::Tensor out, in;  ///< in-place operations have only `out`
  ReduceOp reduce = ReduceOp::sum;
  int root = -1;
  std::vector<int64_t> out_splits, in_splits;
  std::optional<c10::Event> ready;  ///< of device tensors: where they are ready in the caller's stream
};
std::string describe(const ThreadCall& call);

/// A collective, or a message (slot 0 sends, slot 1 receives), from its first caller to its completion.
struct ThreadOp {
  enum class Progress : uint8_t { gathering, ready, running, done };
  std::string title;       ///< "collective 7 of group tp"
  std::vector<int> ranks;  ///< world rank of each slot
  std::vector<std::optional<ThreadCall>> calls;
  size_t missing = 0;
  Progress progress = Progress::gathering;
  std::vector<c10::Event> finished;  ///< of device tensors: where the results are there
  bool lazy = false;  ///< runs when someone waits for it, not when the last member arrives
  std::condition_variable changed;
};

/// Why `call` can't be the same operation as `first`, if so.
std::optional<std::string> mismatch(const ThreadCall& first, const ThreadCall& call);
/// Carries out a complete operation: reductions in rank order in the accumulation type, results copied.
/// Throws CommError when split sizes of an uneven exchange don't fit.
void execute(const ThreadOp& op);

class ThreadState {
 public:
  ThreadState(int size, const ThreadOptions& options);

  const ThreadOptions& options() const { return options_; }
  /// Names the calling thread as the one that runs `rank`.
  void enter_rank(int rank);
  /// `rank` has returned (error empty) or thrown: it will call nothing any more.
  void leave_rank(int rank, const std::string& error);

  /// The slot's part of collective `sequence` of a group; never blocks on other ranks.
  std::shared_ptr<ThreadOp> collective(const MembersPtr& members, uint64_t sequence, size_t slot, ThreadCall call);
  /// One end of a message between slots `from` and `to` of a group, matched in posting order for each tag.
  std::shared_ptr<ThreadOp> message(const MembersPtr& members, int from, int to, int64_t tag, ThreadCall call);
  /// Blocks until `op` is done. Throws CommError when the world has failed or time runs out.
  void wait(const std::shared_ptr<ThreadOp>& op, int world_rank);
  bool done(const std::shared_ptr<ThreadOp>& op);
  /// Members of the group split off `parent` as its `sequence`-th; the same for every rank. Throws CommError when the
  /// ranks of the parent disagree.
  MembersPtr split(const MembersPtr& parent, uint64_t sequence, const std::vector<int>& world_ranks,
                   const std::string& name, int world_rank);

  /// Fails the world, if it hasn't failed yet, and wakes everyone.
  void poison(const std::string& why);
  /// In random_delay mode: delays the caller at random.
  void perturb(int world_rank);

 private:
  using Lock = std::unique_lock<std::mutex>;
  void fail(const std::string& why);
  void throw_if_failed() const;
  void arrive(Lock& lock, const std::shared_ptr<ThreadOp>& op, size_t slot, ThreadCall call);
  void run(Lock& lock, const std::shared_ptr<ThreadOp>& op);
  void check_deadlock();
  bool anyone_waits_for(const ThreadOp* op) const;
  std::string waiting_text() const;
  std::string absent_text(const ThreadOp& op) const;
  bool pick_lazy(uint64_t stream, uint64_t index) const;

  const ThreadOptions options_;
  std::mutex mutex_;
  std::optional<std::string> failure_;
  std::map<std::pair<uint64_t, uint64_t>, std::shared_ptr<ThreadOp>> gathering_;  ///< (group, sequence)
  std::map<std::tuple<uint64_t, int, int, int64_t>, std::deque<std::shared_ptr<ThreadOp>>> messages_;
  std::map<std::pair<uint64_t, uint64_t>, MembersPtr> splits_;  ///< (parent, sequence)
  uint64_t next_group_ = 1, message_count_ = 0;
  std::vector<std::shared_ptr<ThreadOp>> waits_;  ///< by rank: what its thread is blocked in
  std::vector<bool> left_;
  std::vector<std::thread::id> threads_;
  std::vector<uint64_t> perturbations_;
  size_t live_;
  bool foreign_threads_ = false;  ///< threads other than the ranks' own use the world: no deadlock detection
};

}  // namespace loongforge::comm
