// SPDX-License-Identifier: Apache-2.0
#include "loongforge/comm/group.h"

#include <c10/core/GradMode.h>

#include <algorithm>
#include <cstring>

#include "loongforge/comm/ledger.h"
#include "loongforge/core/error.h"
#include "loongforge/platform/dtype.h"

namespace loongforge::comm {
namespace {

/// Tells the ledger when an operation is seen complete or failed.
class RecordedWork : public WorkImpl {
 public:
  RecordedWork(Work inner, std::shared_ptr<Ledger> ledger, uint64_t id)
      : inner_(std::move(inner)), ledger_(std::move(ledger)), id_(id) {}

  void wait() override { finish([&] { inner_.wait(); }); }
  void host_wait() override { finish([&] { inner_.host_wait(); }); }
  bool done() override {
    const bool done = inner_.done();
    if (done) ledger_->finish(id_, true);
    return done;
  }

 private:
  template <class F>
  void finish(const F& wait) {
    try {
      wait();
    } catch (...) {
      ledger_->finish(id_, false);
      throw;
    }
    ledger_->finish(id_, true);
  }

  Work inner_;
  std::shared_ptr<Ledger> ledger_;
  uint64_t id_;
};

/// "{0,1,5}", or "{0..30:2}" for an even progression of more than three ranks.
std::string ranks_text(const std::vector<int>& ranks) {
  const int step = ranks.size() > 1 ? ranks[1] - ranks[0] : 1;
  bool even = ranks.size() > 3;
  for (size_t i = 1; i < ranks.size(); ++i) even = even && ranks[i] - ranks[i - 1] == step;
  if (even) return fmt::format("{{{}..{}{}}}", ranks.front(), ranks.back(), step == 1 ? "" : fmt::format(":{}", step));
  std::string text = "{";
  for (size_t i = 0; i < ranks.size(); ++i) text += fmt::format("{}{}", i ? "," : "", ranks[i]);
  return text + "}";
}

std::vector<int64_t> filled(std::vector<int64_t> splits, const at::Tensor& tensor, int size) {
  if (!splits.empty()) return splits;
  LF_ASSERT(tensor.size(0) % size == 0, "{} rows don't split over {} ranks", tensor.size(0), size);
  return std::vector<int64_t>(static_cast<size_t>(size), tensor.size(0) / size);
}

void check_splits(const std::vector<int64_t>& splits, const at::Tensor& tensor, int size) {
  int64_t sum = 0;
  for (int64_t rows : splits) sum += rows;
  LF_ASSERT(static_cast<int>(splits.size()) == size && sum == tensor.size(0),
            "splits must be one a rank and add up to dimension 0 ({}), got {} adding up to {}", tensor.size(0),
            splits.size(), sum);
}

void copy_flat(const at::Tensor& out, const at::Tensor& in) {
  c10::NoGradGuard no_grad;
  out.view(-1).copy_(in.view(-1));
}

LedgerRecord entry(OpKind op, int peer = -1, int64_t tag = 0) {
  LedgerRecord record;
  record.op = op;
  record.peer = peer;
  record.tag = tag;
  return record;
}

}  // namespace

Group::Group(std::shared_ptr<GroupImpl> impl, int rank, int size, std::string name, std::vector<int> world_ranks,
             std::shared_ptr<Ledger> ledger)
    : impl_(std::move(impl)), rank_(rank), size_(size), name_(std::move(name)), world_ranks_(std::move(world_ranks)),
      ledger_(std::move(ledger)) {
  LF_ASSERT(static_cast<int>(world_ranks_.size()) == size_ && rank_ < size_);
}

std::string Group::label() const { return name_ + ranks_text(world_ranks_); }

void Group::check(const at::Tensor& tensor, const char* what) const {
  LF_ASSERT(is_member(), "this rank isn't in group {}", name_);
  LF_ASSERT(tensor.defined() && tensor.is_contiguous(), "{} must be a contiguous tensor", what);
}

Work Group::record(LedgerRecord record, const at::Tensor& tensor, const std::function<Work()>& call) const {
  LF_ASSERT(impl_, "group {} has no backend", name_);
  if (!ledger_) return call();
  const std::string text = label();
  std::memcpy(record.group, text.data(), std::min(text.size(), sizeof(record.group) - 1));
  if (tensor.defined()) {
    record.dtype = static_cast<uint8_t>(platform::from_torch(tensor.scalar_type()));
    record.dims = static_cast<uint8_t>(std::min<int64_t>(tensor.dim(), std::size(record.shape)));
    for (int i = 0; i < record.dims; ++i) record.shape[i] = tensor.size(i);
    record.bytes = tensor.nbytes();
  }
  const uint64_t id = ledger_->enqueue(record);
  try {
    Work work = call();
    ledger_->start(id);
    return Work(std::make_shared<RecordedWork>(std::move(work), ledger_, id));
  } catch (...) {
    ledger_->finish(id, false);
    throw;
  }
}

Work Group::all_reduce(const at::Tensor& tensor, ReduceOp op) const {
  check(tensor, "the tensor");
  if (size_ == 1) return {};
  return record(entry(OpKind::all_reduce), tensor, [&] { return impl_->all_reduce(tensor, op); });
}

Work Group::all_gather(const at::Tensor& out, const at::Tensor& in) const {
  check(out, "the output");
  check(in, "the input");
  LF_ASSERT(out.numel() == size_ * in.numel() && out.scalar_type() == in.scalar_type());
  if (size_ == 1) return copy_flat(out, in), Work{};
  return record(entry(OpKind::all_gather), in, [&] { return impl_->all_gather(out, in); });
}

Work Group::reduce_scatter(const at::Tensor& out, const at::Tensor& in) const {
  check(out, "the output");
  check(in, "the input");
  LF_ASSERT(in.numel() == size_ * out.numel() && out.scalar_type() == in.scalar_type());
  if (size_ == 1) return copy_flat(out, in), Work{};
  return record(entry(OpKind::reduce_scatter), in, [&] { return impl_->reduce_scatter(out, in); });
}

Work Group::all_to_all_v(const at::Tensor& out, const at::Tensor& in, std::vector<int64_t> out_splits,
                         std::vector<int64_t> in_splits) const {
  check(out, "the output");
  check(in, "the input");
  LF_ASSERT(out.dim() > 0 && in.dim() > 0 && out.scalar_type() == in.scalar_type());
  out_splits = filled(std::move(out_splits), out, size_);
  in_splits = filled(std::move(in_splits), in, size_);
  check_splits(out_splits, out, size_);
  check_splits(in_splits, in, size_);
  if (size_ == 1) return copy_flat(out, in), Work{};
  return record(entry(OpKind::all_to_all_v), in,
                [&] { return impl_->all_to_all_v(out, in, std::move(out_splits), std::move(in_splits)); });
}

Work Group::broadcast(const at::Tensor& tensor, int root) const {
  check(tensor, "the tensor");
  LF_ASSERT(root >= 0 && root < size_);
  if (size_ == 1) return {};
  return record(entry(OpKind::broadcast, root), tensor, [&] { return impl_->broadcast(tensor, root); });
}

Work Group::isend(const at::Tensor& tensor, int to, int64_t tag) const {
  check(tensor, "the tensor");
  LF_ASSERT(to >= 0 && to < size_ && to != rank_, "rank {} of group {} cannot send to {}", rank_, name_, to);
  return record(entry(OpKind::send, to, tag), tensor, [&] { return impl_->isend(tensor, to, tag); });
}

Work Group::irecv(const at::Tensor& tensor, int from, int64_t tag) const {
  check(tensor, "the tensor");
  LF_ASSERT(from >= 0 && from < size_ && from != rank_, "rank {} of group {} cannot receive from {}", rank_,
            name_, from);
  return record(entry(OpKind::recv, from, tag), tensor, [&] { return impl_->irecv(tensor, from, tag); });
}

void Group::barrier() const {
  LF_ASSERT(is_member(), "this rank isn't in group {}", name_);
  if (size_ > 1) record(entry(OpKind::barrier), {}, [&] { return impl_->barrier(); }).host_wait();
}

Group Group::split(const std::vector<int>& members, const std::string& name) const {
  LF_ASSERT(is_member(), "this rank isn't in group {}", name_);
  LF_ASSERT(!members.empty() && members.front() >= 0 && members.back() < size_);
  LF_ASSERT(std::adjacent_find(members.begin(), members.end(), std::greater_equal<>()) == members.end(),
            "members of {} must be increasing", name);
  std::vector<int> ranks;
  for (int member : members) ranks.push_back(world_ranks_[static_cast<size_t>(member)]);
  auto impl = impl_ ? impl_->split(members, name) : nullptr;
  const auto self = std::find(members.begin(), members.end(), rank_);
  const int rank = self == members.end() ? -1 : static_cast<int>(self - members.begin());
  return Group(std::move(impl), rank, static_cast<int>(members.size()), name, std::move(ranks), ledger_);
}

void Group::abort(const std::string& why) const {
  if (impl_) impl_->abort(why);
}

}  // namespace loongforge::comm
