// SPDX-License-Identifier: Apache-2.0
// A world that isn't there: shapes and the ledger, no communication.
#include <c10/core/GradMode.h>

#include <algorithm>
#include <numeric>

#include "loongforge/comm/ledger.h"
#include "loongforge/comm/process_group.h"
#include "loongforge/core/error.h"

namespace loongforge::comm {
namespace {

class FakeGroup final : public GroupImpl {
 public:
  FakeGroup(int rank, int size) : rank_(rank), size_(size) {}

  Work all_reduce(at::Tensor, ReduceOp) override { return {}; }
  Work all_gather(at::Tensor out, at::Tensor in) override {
    c10::NoGradGuard no_grad;
    // `in` may be a part of `out`.
    out.view({size_, -1}).copy_(in.clone().view({1, -1}).expand({size_, in.numel()}));
    return {};
  }
  Work reduce_scatter(at::Tensor out, at::Tensor in) override {
    c10::NoGradGuard no_grad;
    out.view(-1).copy_(in.view({size_, -1}).select(0, rank_));
    return {};
  }
  Work all_to_all_v(at::Tensor out, at::Tensor, std::vector<int64_t>, std::vector<int64_t>) override {
    c10::NoGradGuard no_grad;
    out.zero_();
    return {};
  }
  Work broadcast(at::Tensor, int) override { return {}; }
  Work isend(at::Tensor, int, int64_t) override { return {}; }
  Work irecv(at::Tensor tensor, int, int64_t) override {
    c10::NoGradGuard no_grad;
    tensor.zero_();
    return {};
  }
  Work barrier() override { return {}; }
  std::shared_ptr<GroupImpl> split(const std::vector<int>& members, const std::string&) override {
    const auto self = std::find(members.begin(), members.end(), rank_);
    if (self == members.end()) return nullptr;
    return std::make_shared<FakeGroup>(static_cast<int>(self - members.begin()), static_cast<int>(members.size()));
  }
  void abort(const std::string&) override {}

 private:
  int rank_, size_;
};

}  // namespace

Group make_fake_world(int size, int rank) {
  LF_ASSERT(size >= 1 && rank >= 0 && rank < size);
  std::vector<int> ranks(static_cast<size_t>(size));
  std::iota(ranks.begin(), ranks.end(), 0);
  return Group(std::make_shared<FakeGroup>(rank, size), rank, size, "world", std::move(ranks),
               std::make_shared<Ledger>(rank));
}

}  // namespace loongforge::comm
