// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <atomic>

#include "comm/thread_state.h"

namespace loongforge::comm {

/// One rank's end of a group of a ThreadWorld.
class ThreadGroup : public GroupImpl {
 public:
  ThreadGroup(std::shared_ptr<ThreadState> state, MembersPtr members, int slot);

  Work all_reduce(at::Tensor tensor, ReduceOp op) override;
  Work all_gather(at::Tensor out, at::Tensor in) override;
  Work reduce_scatter(at::Tensor out, at::Tensor in) override;
  Work all_to_all_v(at::Tensor out, at::Tensor in, std::vector<int64_t> out_splits,
                    std::vector<int64_t> in_splits) override;
  Work broadcast(at::Tensor tensor, int root) override;
  Work isend(at::Tensor tensor, int to, int64_t tag) override;
  Work irecv(at::Tensor tensor, int from, int64_t tag) override;
  Work barrier() override;
  std::shared_ptr<GroupImpl> split(const std::vector<int>& members, const std::string& name) override;
  void abort(const std::string& why) override;

 private:
  Work post(ThreadCall call);
  Work post_message(int from, int to, int64_t tag, ThreadCall call);
  int world_rank() const { return members_->world_ranks[static_cast<size_t>(slot_)]; }

  std::shared_ptr<ThreadState> state_;
  MembersPtr members_;
  int slot_;
  std::atomic<uint64_t> next_sequence_{0}, next_split_{0};
};

}  // namespace loongforge::comm
