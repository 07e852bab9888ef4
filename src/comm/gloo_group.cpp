// SPDX-License-Identifier: Apache-2.0
// Groups over c10d's ProcessGroupGloo and TCPStore: the CPU engine between processes.
#define USE_C10D_GLOO 1
#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <limits>

#include "comm/gloo_sends.h"
#include "comm/process_context.h"
#include "comm/reduce.h"
#include "loongforge/platform/dtype.h"

namespace loongforge::comm {
namespace {

using C10dWork = c10::intrusive_ptr<c10d::Work>;
using Tensors = std::vector<at::Tensor>;
using Context = std::shared_ptr<ProcessContext>;

/// One c10d operation, then what makes our result of its.
class GlooWork final : public WorkImpl {
 public:
  GlooWork(Context context, std::string what, C10dWork work, Tensors held, std::function<void()> finish)
      : context_(std::move(context)), what_(std::move(what)), work_(std::move(work)), held_(std::move(held)),
        finish_(std::move(finish)) {}
  void wait() override {
    if (finished_) return;
    translated(context_.get(), what_, [&] { return work_->wait(); });
    c10::AutoGradMode no_recording(false);
    if (finish_) finish_();
    finished_ = true;
    held_.clear();
  }
  /// A result that still has to be made of what arrived isn't done before wait().
  bool done() override { return finished_ || (!finish_ && work_->isCompleted()); }

 private:
  Context context_;
  std::string what_;
  C10dWork work_;
  Tensors held_;
  std::function<void()> finish_;
  bool finished_ = false;
};

c10d::ReduceOp to_c10d(ReduceOp op) {
  switch (op) {
    case ReduceOp::sum: return c10d::ReduceOp::SUM;
    case ReduceOp::max: return c10d::ReduceOp::MAX;
    case ReduceOp::min: return c10d::ReduceOp::MIN;
  }
  return c10d::ReduceOp::SUM;
}

/// The interface of $GLOO_SOCKET_IFNAME, else loopback when all ranks are on this machine, else the one of the
/// host's name.
std::shared_ptr<gloo::transport::Device> network_device(bool one_node) {
  using Gloo = c10d::ProcessGroupGloo;
  if (const char* interface = std::getenv("GLOO_SOCKET_IFNAME")) return Gloo::createDeviceForInterface(interface);
  return one_node ? Gloo::createDeviceForHostname("127.0.0.1") : Gloo::createDefaultDevice();
}

class GlooGroup final : public GroupImpl {
 public:
  GlooGroup(Context context, std::string name, std::string prefix, int rank, int size)
      : context_(std::move(context)), name_(std::move(name)), prefix_(std::move(prefix)), rank_(rank), size_(size) {
    translated(context_.get(), fmt::format("joining group {}", name_), [&] {
      auto options = c10d::ProcessGroupGloo::Options::create(context_->timeout);
      options->devices.push_back(network_device(context_->one_node));
      auto store = c10::make_intrusive<c10d::PrefixStore>(prefix_, context_->store);
      backend_ = c10::make_intrusive<c10d::ProcessGroupGloo>(store, rank, size, options);
    });
  }

  /// Narrow floats travel as their accumulation type, so that the sum isn't rounded at every hop.
  Work all_reduce(at::Tensor tensor, ReduceOp op) override {
    const auto wide = platform::acc(tensor.scalar_type());
    const bool narrow = wide != tensor.scalar_type();
    at::Tensor carried = narrow ? tensor.to(wide) : tensor;
    Tensors tensors{carried.view({-1})};
    c10d::AllreduceOptions options;
    options.reduceOp = to_c10d(op);
    std::function<void()> finish;
    if (narrow) finish = [tensor, carried] { tensor.copy_(carried); };
    return start("all_reduce", {tensor, carried}, [&] { return backend_->allreduce(tensors, options); }, finish);
  }

  Work all_gather(at::Tensor out, at::Tensor in) override {
    Tensors inputs{in.view({-1})};
    std::vector<Tensors> outputs{out.view({size_, -1}).unbind(0)};
    return start("all_gather", {out, in}, [&] { return backend_->allgather(outputs, inputs); });
  }

  /// An all-to-all of the chunks and a local sum in rank order: deterministic, in the accumulation type.
  Work reduce_scatter(at::Tensor out, at::Tensor in) override {
    at::Tensor chunks = at::empty({size_, out.numel()}, in.options());
    at::Tensor flat_in = in.view({size_, -1});
    std::vector<int64_t> even;
    return start("reduce_scatter", {out, in, chunks},
                 [&] { return backend_->alltoall_base(chunks, flat_in, even, even); },
                 [out, chunks] { out.view({-1}).copy_(reduce_in_order(chunks.unbind(0), ReduceOp::sum)); });
  }

  Work all_to_all_v(at::Tensor out, at::Tensor in, std::vector<int64_t> out_splits,
                    std::vector<int64_t> in_splits) override {
    return start("all_to_all_v", {out, in}, [&] { return backend_->alltoall_base(out, in, out_splits, in_splits); });
  }

  Work broadcast(at::Tensor tensor, int root) override {
    Tensors tensors{tensor.view({-1})};
    c10d::BroadcastOptions options;
    options.rootRank = root;
    return start("broadcast", {tensor}, [&] { return backend_->broadcast(tensors, options); });
  }

  Work isend(at::Tensor tensor, int to, int64_t tag) override {
    Tensors tensors{tensor.view({-1})};
    const std::string what = fmt::format("send of group {}", name_);
    auto work = translated(context_.get(), what, [&] { return backend_->send(tensors, to, narrow_tag(tag)); });
    return Work(std::make_shared<GlooSend>(context_, what, sends_.add(std::move(work))));
  }

  Work irecv(at::Tensor tensor, int from, int64_t tag) override {
    Tensors tensors{tensor.view({-1})};
    return start("recv", {tensor}, [&] { return backend_->recv(tensors, from, narrow_tag(tag)); });
  }

  Work barrier() override {
    return start("barrier", {}, [&] { return backend_->barrier(); });
  }

  std::shared_ptr<GroupImpl> split(const std::vector<int>& members, const std::string& name) override {
    const int64_t number = splits_++;
    const auto mine = std::find(members.begin(), members.end(), rank_);
    if (mine == members.end()) return nullptr;
    const std::string prefix = fmt::format("{}{}/{}/{}/", prefix_, name, number, members.front());
    return std::make_shared<GlooGroup>(context_, name, prefix, static_cast<int>(mine - members.begin()),
                                       static_cast<int>(members.size()));
  }

  /// The others see this process's sockets close when it ends, and then find the reason in the store.
  void abort(const std::string& why) override {
    const std::string text = fmt::format("rank {} failed: {}", context_->world_rank, why);
    try {
      context_->store->compareSet(kAbortKey, std::vector<uint8_t>(), std::vector<uint8_t>(text.begin(), text.end()));
    } catch (const std::exception&) {
      // The store went away with rank 0: nobody can be told.
    }
  }

 private:
  static int narrow_tag(int64_t tag) {
    LF_ASSERT(tag >= 0 && tag <= std::numeric_limits<int>::max(), "message tag {}", tag);
    return static_cast<int>(tag);
  }

  template <class F>
  Work start(const std::string& op, Tensors held, F&& call, std::function<void()> finish = {}) {
    const std::string what = fmt::format("{} of group {}", op, name_);
    auto work = translated(context_.get(), what, std::forward<F>(call));
    return Work(std::make_shared<GlooWork>(context_, what, std::move(work), std::move(held), std::move(finish)));
  }

  Context context_;
  std::string name_, prefix_;
  int rank_, size_;
  int64_t splits_ = 0;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> backend_;
  GlooSends sends_;  // ends before the connections
};

}  // namespace

std::shared_ptr<GroupImpl> make_gloo_group(std::shared_ptr<ProcessContext> context, const std::string& name,
                                           const std::string& prefix, int rank, int size) {
  return std::make_shared<GlooGroup>(std::move(context), name, prefix, rank, size);
}

}  // namespace loongforge::comm
