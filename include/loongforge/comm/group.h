// SPDX-License-Identifier: Apache-2.0
// Group: collectives over a set of ranks, whatever carries them (local, thread, gloo, nccl, fake). Only src/comm names c10d.
#pragma once
#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace loongforge::comm {

class Ledger;
struct LedgerRecord;

enum class ReduceOp : uint8_t { sum, max, min };

/// A collective under way. Holds its tensors until done.
class WorkImpl {
 public:
  virtual ~WorkImpl() = default;
  /// Makes the current stream wait (on the CPU the host is the stream, so it blocks). Throws CommError.
  virtual void wait() = 0;
  /// Blocks the host until done. Throws CommError.
  virtual void host_wait() { wait(); }
  virtual bool done() = 0;
};
/// Value handle; a default-constructed Work is done already.
class Work {
 public:
  Work() = default;
  explicit Work(std::shared_ptr<WorkImpl> impl) : impl_(std::move(impl)) {}
  void wait() { if (impl_) impl_->wait(); }
  void host_wait() { if (impl_) impl_->host_wait(); }
  bool done() const { return !impl_ || impl_->done(); }

 private:
  std::shared_ptr<WorkImpl> impl_;
};

/// What a backend implements. Tensors are contiguous, on the CPU or on the group's device; results are complete after
/// wait(). Messages between two ranks in one direction are sent and received in the same order, whatever their tags.
class GroupImpl {
 public:
  virtual ~GroupImpl() = default;
  virtual Work all_reduce(at::Tensor tensor, ReduceOp op) = 0;
  virtual Work all_gather(at::Tensor out, at::Tensor in) = 0;                ///< out = [n·in.numel()], by rank
  virtual Work reduce_scatter(at::Tensor out, at::Tensor in) = 0;            ///< in = [n·out.numel()], sum; acc(dtype) inside (nccl: as NCCL adds)
  virtual Work all_to_all_v(at::Tensor out, at::Tensor in, std::vector<int64_t> out_splits,
                            std::vector<int64_t> in_splits) = 0;             ///< splits along dimension 0
  virtual Work broadcast(at::Tensor tensor, int root) = 0;
  virtual Work isend(at::Tensor tensor, int to, int64_t tag) = 0;
  virtual Work irecv(at::Tensor tensor, int from, int64_t tag) = 0;
  virtual Work barrier() = 0;
  /// A group over `members` (ranks of this group, increasing); every rank of this group calls it, in the same order;
  /// non-members get nullptr.
  virtual std::shared_ptr<GroupImpl> split(const std::vector<int>& members, const std::string& name) = 0;
  /// Fails all pending and future operations of the whole world with `why` (a throwing rank poisons its group).
  virtual void abort(const std::string& why) = 0;
  /// The device whose tensors it carries besides the CPU's.
  virtual at::Device device() const { return at::Device(at::DeviceType::CPU); }
};

/// A small value over a backend. A default-constructed Group has size 1 and never communicates; so does any size-1 group.
class Group {
 public:
  Group() = default;
  Group(std::shared_ptr<GroupImpl> impl, int rank, int size, std::string name, std::vector<int> world_ranks,
        std::shared_ptr<Ledger> ledger = nullptr);

  int rank() const { return rank_; }
  int size() const { return size_; }
  const std::string& name() const { return name_; }
  /// The device whose tensors it carries besides the CPU's; the CPU for a group of one rank.
  at::Device device() const { return impl_ ? impl_->device() : at::Device(at::DeviceType::CPU); }
  const std::vector<int>& world_ranks() const { return world_ranks_; }  ///< rank in the world of each member
  /// False for what split() gives a rank that isn't among the members; such a Group may only be asked about itself.
  bool is_member() const { return rank_ >= 0; }
  /// "tp{0,2,4}": name and world ranks, as it stands in the ledger and in messages.
  std::string label() const;
  const std::shared_ptr<Ledger>& ledger() const { return ledger_; }

  Work all_reduce(const at::Tensor& tensor, ReduceOp op = ReduceOp::sum) const;
  Work all_gather(const at::Tensor& out, const at::Tensor& in) const;
  Work reduce_scatter(const at::Tensor& out, const at::Tensor& in) const;
  Work all_to_all_v(const at::Tensor& out, const at::Tensor& in, std::vector<int64_t> out_splits,
                    std::vector<int64_t> in_splits) const;
  Work broadcast(const at::Tensor& tensor, int root) const;
  Work isend(const at::Tensor& tensor, int to, int64_t tag) const;
  Work irecv(const at::Tensor& tensor, int from, int64_t tag) const;
  void barrier() const;
  Group split(const std::vector<int>& members, const std::string& name) const;
  void abort(const std::string& why) const;

  /// Small host values over the group, as CPU tensors: they never wait for a device.
  std::vector<double> all_reduce_host(std::vector<double> values, ReduceOp op = ReduceOp::sum) const;
  /// Every rank's bytes, by rank; sizes may differ.
  std::vector<std::string> all_gather_bytes(const std::string& mine) const;

 private:
  Work record(LedgerRecord record, const at::Tensor& tensor, const std::function<Work()>& call) const;
  void check(const at::Tensor& tensor, const char* what) const;

  std::shared_ptr<GroupImpl> impl_;
  int rank_ = 0, size_ = 1;
  std::string name_ = "self";
  std::vector<int> world_ranks_{0};
  std::shared_ptr<Ledger> ledger_;
};

}  // namespace loongforge::comm
