// SPDX-License-Identifier: Apache-2.0
#include "comm/thread_group.h"

#include <c10/core/GradMode.h>

#include <algorithm>

#include "comm/thread_streams.h"
#include "loongforge/core/error.h"

namespace loongforge::comm {
namespace {

class ThreadWork : public WorkImpl {
 public:
  ThreadWork(std::shared_ptr<ThreadState> state, std::shared_ptr<ThreadOp> op, int world_rank, c10::Device device)
      : state_(std::move(state)), op_(std::move(op)), world_rank_(world_rank), device_(device) {}
  void wait() override {
    state_->wait(op_, world_rank_);
    await_points(op_->finished, device_);
  }
  void host_wait() override {
    state_->wait(op_, world_rank_);
    for (const c10::Event& point : op_->finished) point.synchronize();
  }
  bool done() override { return state_->done(op_); }

 private:
  std::shared_ptr<ThreadState> state_;
  std::shared_ptr<ThreadOp> op_;
  int world_rank_;
  c10::Device device_;  ///< of the caller's tensors
};

c10::Device device_of(const ThreadCall& call) {
  const at::Tensor& tensor = call.out.defined() ? call.out : call.in;
  return tensor.defined() ? tensor.device() : c10::Device(c10::kCPU);
}

}  // namespace

ThreadGroup::ThreadGroup(std::shared_ptr<ThreadState> state, MembersPtr members, int slot)
    : state_(std::move(state)), members_(std::move(members)), slot_(slot) {}

Work ThreadGroup::post(ThreadCall call) {
  state_->perturb(world_rank());
  const c10::Device device = device_of(call);
  call.ready = point_in_stream(call);
  auto op = state_->collective(members_, next_sequence_++, static_cast<size_t>(slot_), std::move(call));
  return Work(std::make_shared<ThreadWork>(state_, std::move(op), world_rank(), device));
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
  Work work = post_message(slot_, to, tag, {.kind = OpKind::send, .in = std::move(tensor)});
  return eager ? Work() : work;
}

Work ThreadGroup::irecv(at::Tensor tensor, int from, int64_t tag) {
  state_->perturb(world_rank());
  return post_message(from, slot_, tag, {.kind = OpKind::recv, .out = std::move(tensor)});
}

Work ThreadGroup::post_message(int from, int to, int64_t tag, ThreadCall call) {
  const c10::Device device = device_of(call);
  call.ready = point_in_stream(call);
  auto op = state_->message(members_, from, to, tag, std::move(call));
  return Work(std::make_shared<ThreadWork>(state_, std::move(op), world_rank(), device));
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
