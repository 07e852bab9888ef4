// SPDX-License-Identifier: Apache-2.0
#include "comm/thread_group.h"

#include <c10/core/GradMode.h>

#include <algorithm>

#include "loongforge/core/error.h"

namespace loongforge::comm {
namespace {

class ThreadWork : public WorkImpl {
 public:
  ThreadWork(std::shared_ptr<ThreadState> state, std::shared_ptr<ThreadOp> op, int world_rank)
      : state_(std::move(state)), op_(std::move(op)), world_rank_(world_rank) {}
  void wait() override { state_->wait(op_, world_rank_); }
  bool done() override { return state_->done(op_); }

 private:
  std::shared_ptr<ThreadState> state_;
  std::shared_ptr<ThreadOp> op_;
  int world_rank_;
};

}  // namespace

ThreadGroup::ThreadGroup(std::shared_ptr<ThreadState> state, MembersPtr members, int slot)
    : state_(std::move(state)), members_(std::move(members)), slot_(slot) {}

Work ThreadGroup::post(ThreadCall call) {
  state_->perturb(world_rank());
  auto op = state_->collective(members_, next_sequence_++, static_cast<size_t>(slot_), std::move(call));
  return Work(std::make_shared<ThreadWork>(state_, std::move(op), world_rank()));
}

Work ThreadGroup::all_reduce(at::Tensor tensor, ReduceOp op) {
  return post({.kind = OpKind::all_reduce, .out = std::move(tensor), .reduce = op});
}

Work ThreadGroup::all_gather(at::Tensor out, at::Tensor in) {
  return post({.kind = OpKind::all_gather, .out = std::move(out), .in = std::move(in)});
}

Work ThreadGroup::reduce_scatter(at::Tensor out, at::Tensor in) {
  return post({.kind = OpKind::reduce_scatter, .out = std::move(out), .in = std::move(in)});
}

Work ThreadGroup::all_to_all_v(at::Tensor out, at::Tensor in, std::vector<int64_t> out_splits,
                               std::vector<int64_t> in_splits) {
  return post({.kind = OpKind::all_to_all_v,
               .out = std::move(out),
               .in = std::move(in),
               .out_splits = std::move(out_splits),
               .in_splits = std::move(in_splits)});
}

Work ThreadGroup::broadcast(at::Tensor tensor, int root) {
  return post({.kind = OpKind::broadcast, .out = std::move(tensor), .root = root});
}

Work ThreadGroup::barrier() { return post({.kind = OpKind::barrier}); }

Work ThreadGroup::isend(at::Tensor tensor, int to, int64_t tag) {
  state_->perturb(world_rank());
  const bool eager = state_->options().mode == ThreadMode::eager;
  // An eager send must not see what its caller does to the tensor afterwards.
  if (eager) {
    c10::NoGradGuard no_grad;
    tensor = tensor.clone();
  }
  auto op = state_->message(members_, slot_, to, tag, {.kind = OpKind::send, .in = std::move(tensor)});
  if (eager) return {};
  return Work(std::make_shared<ThreadWork>(state_, std::move(op), world_rank()));
}

Work ThreadGroup::irecv(at::Tensor tensor, int from, int64_t tag) {
  state_->perturb(world_rank());
  auto op = state_->message(members_, from, slot_, tag, {.kind = OpKind::recv, .out = std::move(tensor)});
  return Work(std::make_shared<ThreadWork>(state_, std::move(op), world_rank()));
}

std::shared_ptr<GroupImpl> ThreadGroup::split(const std::vector<int>& members, const std::string& name) {
  std::vector<int> world_ranks;
  for (int member : members) world_ranks.push_back(members_->world_ranks[static_cast<size_t>(member)]);
  MembersPtr part = state_->split(members_, next_split_++, world_ranks, name, world_rank());
  const auto self = std::find(members.begin(), members.end(), slot_);
  if (self == members.end()) return nullptr;
  return std::make_shared<ThreadGroup>(state_, std::move(part), static_cast<int>(self - members.begin()));
}

void ThreadGroup::abort(const std::string& why) {
  state_->poison(fmt::format("rank {} aborted: {}", world_rank(), why));
}

}  // namespace loongforge::comm
