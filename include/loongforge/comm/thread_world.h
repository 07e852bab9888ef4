// SPDX-License-Identifier: Apache-2.0
// Ranks as threads of one process: meshes of 2 to 32 ranks tested exactly, deterministically and in milliseconds.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "loongforge/comm/group.h"
#include "loongforge/comm/store.h"

namespace loongforge::comm {

class Ledger;

enum class ThreadMode : uint8_t {
  eager,            ///< sends complete at once; a collective completes when its last member calls it
  rendezvous_send,  ///< a send completes only when its receive has been posted (as gloo and NCCL may behave)
  random_delay,     ///< threads are delayed at random and results appear only when someone waits for them, so that
                    ///< orders that happen to work and missing waits show up; repeatable in what depends on the seed
};

struct ThreadOptions {
  ThreadMode mode = ThreadMode::eager;
  uint64_t seed = 0;
  std::chrono::milliseconds timeout{60000};  ///< for any one wait
};

/// A world of `size` ranks. Each run() is a fresh world.
///
/// Collectives enqueue without blocking; reductions go in rank order in the accumulation type; results are copies.
/// Calls that don't match (op, element type, shape, root) at the same place of a group's sequence, a rank that throws,
/// a rank that returns while others wait for it, a deadlock of all ranks, and a timeout each end every wait of the world
/// with a CommError that names who did what.
class ThreadWorld {
 public:
  explicit ThreadWorld(int size, ThreadOptions options = {});

  /// Runs `body(world_group)` on one thread per rank (one intra-op thread, autograd on the rank's own thread), joins
  /// them all, then rethrows what the first failing rank threw.
  void run(const std::function<void(Group)>& body);

  int size() const { return size_; }
  /// The ledger of a rank in the last run.
  std::shared_ptr<Ledger> ledger(int rank) const { return ledgers_.at(static_cast<size_t>(rank)); }
  /// A store shared by the ranks of the last or present run.
  const std::shared_ptr<Store>& store() const { return store_; }

 private:
  int size_;
  ThreadOptions options_;
  std::vector<std::shared_ptr<Ledger>> ledgers_;
  std::shared_ptr<Store> store_;
};

}  // namespace loongforge::comm
