// SPDX-License-Identifier: Apache-2.0
// Groups over c10d's ProcessGroupNCCL, for the tensors of one GPU a rank.
#define USE_C10D_NCCL 1
#include <c10/core/DeviceGuard.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

#include <algorithm>

#include "nccl_group.h"

namespace loongforge::comm {
namespace {

using Nccl = c10d::ProcessGroupNCCL;
using C10dWork = c10::intrusive_ptr<c10d::Work>;
using Tensors = std::vector<at::Tensor>;

/// Holds its tensors until a stream waits for it; one that nobody waited for makes the current stream wait at the end.
class NcclWork final : public WorkImpl {
 public:
  NcclWork(std::shared_ptr<NcclWorld> world, std::string what, C10dWork work, Tensors held)
      : world_(std::move(world)), what_(std::move(what)), work_(std::move(work)), held_(std::move(held)) {}
  ~NcclWork() override {
    if (held_.empty()) return;
    try {
      work_->wait();
    } catch (const std::exception&) {
      // The watch reports it.
    }
  }
  void wait() override {
    translated(world_->context.get(), what_, [&] { work_->wait(); });
    held_.clear();
  }
  void host_wait() override {
    translated(world_->context.get(), what_, [&] { work_->wait(world_->context->timeout); });
    held_.clear();
  }
  bool done() override {
    return translated(world_->context.get(), what_, [&] { return work_->isCompleted(); });
  }

 private:
  std::shared_ptr<NcclWorld> world_;
  std::string what_;
  C10dWork work_;
  Tensors held_;
};

c10d::ReduceOp to_nccl(ReduceOp op) {
  switch (op) {
    case ReduceOp::sum: return c10d::ReduceOp::SUM;
    case ReduceOp::max: return c10d::ReduceOp::MAX;
    case ReduceOp::min: return c10d::ReduceOp::MIN;
  }
  return c10d::ReduceOp::SUM;
}

class NcclGroup final : public GroupImpl {
 public:
  NcclGroup(std::shared_ptr<NcclWorld> world, std::string name, std::string prefix, int rank, int size)
      : world_(std::move(world)), name_(std::move(name)), prefix_(std::move(prefix)), rank_(rank), size_(size) {
    collectives_ = connect("collectives");
  }
  ~NcclGroup() override {
    for (const auto& backend : {collectives_, upward_, downward_}) {
      try {
        if (backend) backend->shutdown();
      } catch (const std::exception&) {
        // The process ends, or has failed for a reason that was reported.
      }
    }
  }

  Work all_reduce(at::Tensor tensor, ReduceOp op) override {
    Tensors tensors{tensor};
    c10d::AllreduceOptions options;
    options.reduceOp = to_nccl(op);
    return start("all_reduce", {tensor}, [&] { return collectives_->allreduce(tensors, options); });
  }
  Work all_gather(at::Tensor out, at::Tensor in) override {
    return start("all_gather", {out, in}, [&] { return collectives_->_allgather_base(out, in); });
  }
  Work reduce_scatter(at::Tensor out, at::Tensor in) override {
    return start("reduce_scatter", {out, in}, [&] { return collectives_->_reduce_scatter_base(out, in); });
  }
  Work all_to_all_v(at::Tensor out, at::Tensor in, std::vector<int64_t> out_splits,
                    std::vector<int64_t> in_splits) override {
    return start("all_to_all_v", {out, in},
                 [&] { return collectives_->alltoall_base(out, in, out_splits, in_splits); });
  }
  Work broadcast(at::Tensor tensor, int root) override {
    Tensors tensors{tensor};
    c10d::BroadcastOptions options;
    options.rootRank = root;
    return start("broadcast", {tensor}, [&] { return collectives_->broadcast(tensors, options); });
  }
  Work isend(at::Tensor tensor, int to, int64_t) override {
    Tensors tensors{tensor};
    return start("send", {tensor}, [&] { return lane(rank_ < to).send(tensors, to, 0); });
  }
  Work irecv(at::Tensor tensor, int from, int64_t) override {
    Tensors tensors{tensor};
    return start("recv", {tensor}, [&] { return lane(from < rank_).recv(tensors, from, 0); });
  }
  /// The host's engine beside this one has the barriers.
  Work barrier() override { LF_ASSERT(false, "NCCL has no barrier for the host"); }

  std::shared_ptr<GroupImpl> split(const std::vector<int>& members, const std::string& name) override {
    const int64_t number = splits_++;
    const auto mine = std::find(members.begin(), members.end(), rank_);
    if (mine == members.end()) return nullptr;
    const std::string prefix = fmt::format("{}{}/{}/{}/", prefix_, name, number, members.front());
    return std::make_shared<NcclGroup>(world_, name, prefix, static_cast<int>(mine - members.begin()),
                                       static_cast<int>(members.size()));
  }
  void abort(const std::string&) override {
    world_->watch->rest();
    for (const auto& backend : {collectives_, upward_, downward_}) {
      if (backend) backend->abort();
    }
  }
  at::Device device() const override { return world_->device; }

 private:
  c10::intrusive_ptr<Nccl> connect(const std::string& lane) {
    return translated(world_->context.get(), fmt::format("joining group {}", name_), [&] {
      auto options = Nccl::Options::create();
      options->timeout = world_->context->timeout;
      auto store = c10::make_intrusive<c10d::PrefixStore>("nccl/" + prefix_ + lane, world_->context->store);
      return c10::make_intrusive<Nccl>(store, rank_, size_, options);
    });
  }

  /// NCCL knows no tags: messages of a pair match in the order of their calls. With a communicator for each direction, what
  /// one rank sends and what it receives need no common order.
  Nccl& lane(bool up) {
    auto& backend = up ? upward_ : downward_;
    if (!backend) backend = connect(up ? "upward" : "downward");
    return *backend;
  }

  template <class F>
  Work start(const char* op, Tensors held, F&& call) {
    const std::string what = fmt::format("{} of group {}", op, name_);
    c10::DeviceGuard on(world_->device);
    C10dWork work = translated(world_->context.get(), what, std::forward<F>(call));
    // c10d's own copy for watching: it does not keep the tensors.
    auto watched = c10::make_intrusive<Nccl::WorkNCCL>(static_cast<const Nccl::WorkNCCL&>(*work));
    world_->watch->add(what, [watched] { return watched->isCompleted(); });
    return Work(std::make_shared<NcclWork>(world_, what, std::move(work), std::move(held)));
  }

  std::shared_ptr<NcclWorld> world_;
  std::string name_, prefix_;
  int rank_, size_;
  int64_t splits_ = 0;
  c10::intrusive_ptr<Nccl> collectives_, upward_, downward_;
};

}  // namespace

std::shared_ptr<GroupImpl> make_nccl_group(std::shared_ptr<NcclWorld> world, const std::string& name,
                                           const std::string& prefix, int rank, int size) {
  return std::make_shared<NcclGroup>(std::move(world), name, prefix, rank, size);
}

}  // namespace loongforge::comm
