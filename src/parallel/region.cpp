// SPDX-License-Identifier: Apache-2.0
#include "loongforge/parallel/region.h"

#include <ATen/ops/empty.h>

#include "loongforge/core/error.h"
#include "loongforge/step/function.h"

namespace loongforge::parallel {
namespace {

using comm::Group;

at::Tensor sum_over(const Group& group, const at::Tensor& x) {
  at::Tensor sum = x.clone(at::MemoryFormat::Contiguous);
  group.all_reduce(sum).wait();
  return sum;
}

std::vector<int64_t> with_rows(const at::Tensor& x, int64_t rows) {
  std::vector<int64_t> shape = x.sizes().vec();
  shape[0] = rows;
  return shape;
}

// Row shards of all ranks, one after another.
at::Tensor gather_rows(const Group& group, const at::Tensor& x) {
  at::Tensor all = at::empty(with_rows(x, x.size(0) * group.size()), x.options());
  group.all_gather(all.view({-1}), x.contiguous().view({-1})).wait();
  return all;
}

int64_t rows_per_rank(const Group& group, const at::Tensor& x) {
  LF_ASSERT(x.size(0) % group.size() == 0, "{} rows cannot be cut over {} ranks of {}", x.size(0), group.size(), group.name());
  return x.size(0) / group.size();
}

// This rank's row shard of the sum over ranks.
at::Tensor sum_to_shards(const Group& group, const at::Tensor& x) {
  at::Tensor shard = at::empty(with_rows(x, rows_per_rank(group, x)), x.options());
  group.reduce_scatter(shard.view({-1}), x.contiguous().view({-1})).wait();
  return shard;
}

class TensorRegion final : public step::RegionComm {
 public:
  TensorRegion(Group tp, bool sequence_parallel) : tp_(std::move(tp)), sequence_(sequence_parallel) {}

  int size() const override { return tp_.size(); }
  int rank() const override { return tp_.rank(); }
  bool sequence_parallel() const override { return sequence_; }

  at::Tensor enter(const at::Tensor& x) override {
    return apply("enter_region", x, [sequence = sequence_, tp = tp_](const at::Tensor& in) {
      return sequence ? gather_rows(tp, in) : in.view(in.sizes());
    }, [sequence = sequence_, tp = tp_](const at::Tensor& grad) {
      return sequence ? sum_to_shards(tp, grad) : sum_over(tp, grad);
    });
  }

  at::Tensor leave(const at::Tensor& partial) override {
    return apply("leave_region", partial, [sequence = sequence_, tp = tp_](const at::Tensor& in) {
      return sequence ? sum_to_shards(tp, in) : sum_over(tp, in);
    }, [sequence = sequence_, tp = tp_](const at::Tensor& grad) {
      return sequence ? gather_rows(tp, grad) : grad;
    });
  }

  at::Tensor shard_rows(const at::Tensor& x) override {
    if (!sequence_) return x;
    const int64_t rows = rows_per_rank(tp_, x);
    return x.narrow(0, rows * tp_.rank(), rows);
  }

  void all_reduce_sum(at::Tensor x) override { tp_.all_reduce(x, comm::ReduceOp::sum).wait(); }
  void all_reduce_max(at::Tensor x) override { tp_.all_reduce(x, comm::ReduceOp::max).wait(); }

 private:
  template <class Forward, class Backward>
  static at::Tensor apply(const char* name, const at::Tensor& x, const Forward& forward, Backward backward) {
    at::Tensor out;
    {
      step::NoRecord no_record;
      out = forward(x.detach());
    }
    if (!step::wants_grad({x})) return out;
    return step::record(name, {x}, std::move(out), {}, [backward](const step::Tensors& grads, const step::Tensors&) {
      return step::Tensors{grads[0].defined() ? backward(grads[0]) : at::Tensor()};
    });
  }

  Group tp_;
  bool sequence_;
};

}  // namespace

std::unique_ptr<step::RegionComm> make_region(comm::Group tp, bool sequence_parallel) {
  if (tp.size() == 1) return std::make_unique<step::RegionComm>();
  return std::make_unique<TensorRegion>(std::move(tp), sequence_parallel);
}

}  // namespace loongforge::parallel
