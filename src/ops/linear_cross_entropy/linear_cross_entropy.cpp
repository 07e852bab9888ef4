// SPDX-License-Identifier: Apache-2.0
#include "loongforge/ops/linear_cross_entropy.h"

#include <ATen/ops/empty_like.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <limits>

#include "loongforge/core/error.h"
#include "loongforge/ops/embedding.h"
#include "loongforge/ops/linear.h"
#include "loongforge/ops/product.h"
#include "loongforge/step/dtype.h"
#include "loongforge/step/function.h"

namespace loongforge::ops {
namespace {

constexpr int64_t kChunkElements = int64_t{1} << 23;  // 32 MiB of fp32 logits at a time

int64_t chunk_rows(int64_t requested, int64_t classes) {
  return requested > 0 ? requested : std::clamp<int64_t>(kChunkElements / std::max<int64_t>(classes, 1), 256, 2048);
}

/// logits of a chunk in acc, padding at −inf.
at::Tensor local_logits(const at::Tensor& hidden, const at::Tensor& weight, const RowRange& range) {
  at::Tensor z = acc_product(hidden, weight.t());
  if (range.count < range.rows) {
    z.narrow(1, range.count, range.rows - range.count).fill_(-std::numeric_limits<double>::infinity());
  }
  return z;
}

/// Labels of a chunk: column in this rank's classes, and the weight of the row's loss (0 where ignored).
struct Targets {
  at::Tensor column;  ///< int64 [rows, 1], 0 where the class is elsewhere
  at::Tensor here;    ///< acc [rows, 1], 1 where the class is on this rank
  at::Tensor weight;  ///< acc [rows, 1]
};

Targets targets_of(const at::Tensor& labels, const at::Tensor& row_weights, const RowRange& range, at::ScalarType type) {
  const at::Tensor label = labels.unsqueeze(1), column = label.sub(range.first);
  const at::Tensor here = column.ge(0).bitwise_and_(column.lt(range.count));
  at::Tensor weight = label.ne(kIgnoredLabel).to(type);
  if (row_weights.defined()) weight.mul_(row_weights.unsqueeze(1).to(type));
  return {column.mul(here), here.to(type), weight};
}

/// Turns the chunk's logits into (seed × their gradient) when `seed` is not null; returns Σ weight·loss.
at::Tensor softmax_loss(at::Tensor& z, const Targets& targets, const double* seed, step::RegionComm& region) {
  const at::Tensor maximum = z.amax(1, /*keepdim=*/true);
  region.all_reduce_max(maximum);
  z.sub_(maximum);
  // Not a product: a rank whose rows are all padding has −inf everywhere.
  const at::Tensor picked = z.gather(1, targets.column).masked_fill_(targets.here.eq(0), 0);
  z.exp_();
  at::Tensor statistics = at::stack({z.sum(1, /*keepdim=*/true), picked});
  region.all_reduce_sum(statistics);
  const at::Tensor total = statistics.select(0, 0);
  const at::Tensor loss = total.log().sub_(statistics.select(0, 1)).mul_(targets.weight).sum();
  if (seed) {
    const at::Tensor scale = targets.weight.mul(*seed);
    z.mul_(scale.div(total));
    z.scatter_add_(1, targets.column, scale.mul(targets.here).neg_());
  }
  return loss;
}

/// One pass over all chunks. `dhidden` defined: filled; `dweight` defined: accumulated into.
at::Tensor run(const at::Tensor& hidden, const step::Param& head, const CrossEntropyOptions& options, at::Tensor dhidden,
               at::Tensor dweight, step::RegionComm& region) {
  const at::Tensor& weight = head.weight();
  const RowRange range = row_range(head);
  const at::ScalarType type = step::acc(hidden.scalar_type());
  const int64_t rows = hidden.size(0), chunk = chunk_rows(options.chunk_rows, range.rows);
  const bool backward = dhidden.defined() || dweight.defined();
  at::Tensor sum = at::zeros({}, hidden.options().dtype(type).requires_grad(false));
  for (int64_t begin = 0; begin < rows; begin += chunk) {
    const int64_t count = std::min(chunk, rows - begin);
    const at::Tensor x = hidden.narrow(0, begin, count);
    const at::Tensor row_weights =
        options.row_weights.defined() ? options.row_weights.narrow(0, begin, count) : at::Tensor();
    at::Tensor z = local_logits(x, weight, range);
    sum.add_(softmax_loss(z, targets_of(options.labels.narrow(0, begin, count), row_weights, range, type),
                          backward ? &options.seed : nullptr, region));
    if (!backward) continue;
    z = z.to(x.scalar_type());
    if (dhidden.defined()) dhidden.narrow(0, begin, count).copy_(product(z, weight));
    if (dweight.defined()) accumulate_outer(dweight, z, x);
  }
  return sum;
}

}  // namespace

at::Tensor linear_cross_entropy(const at::Tensor& hidden, const step::Param& head, const CrossEntropyOptions& options,
                                step::RegionComm& region) {
  LF_ASSERT(hidden.dim() == 2 && options.labels.size(0) == hidden.size(0), "labels and rows differ");
  const bool differentiate = options.want_grad && step::recording() && (hidden.requires_grad() || head.trainable());
  at::Tensor dhidden, dweight, sum;
  {
    step::NoRecord no_record;
    if (differentiate && hidden.requires_grad()) dhidden = at::empty_like(hidden);
    if (differentiate && head.trainable()) dweight = head.main_grad();
    sum = run(hidden, head, options, dhidden, dweight, region);
  }
  if (!differentiate) return sum;
  const step::Param* handle = &head;
  const step::Tensors saved = dhidden.defined() ? step::Tensors{dhidden} : step::Tensors{};
  return step::record("linear_cross_entropy", {hidden}, sum, saved,
                      [handle](const step::Tensors&, const step::Tensors& kept) {
                        if (handle->trainable()) handle->contributed();
                        return step::Tensors{kept.empty() ? at::Tensor() : kept[0]};
                      });
}

at::Tensor logits(const at::Tensor& hidden, const step::Param& head, step::RegionComm& region) {
  step::NoRecord no_record;
  const RowRange range = row_range(head);
  const at::Tensor mine = acc_product(hidden, head.weight().t()).narrow(1, 0, range.count);
  const int64_t classes = head.spec().logical_shape[0];
  if (range.count == classes) return mine;
  at::Tensor whole = at::zeros({hidden.size(0), classes}, mine.options());
  whole.narrow(1, range.first, range.count).copy_(mine);
  region.all_reduce_sum(whole);
  return whole;
}

}  // namespace loongforge::ops
