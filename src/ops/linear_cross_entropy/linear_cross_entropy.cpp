// SPDX-License-Identifier: Apache-2.0
#include "loongforge/ops/linear_cross_entropy.h"

#include <ATen/ops/empty.h>
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
#include "step/own_kernel.h"

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

/// The rows of a chunk and what their loss needs.
struct Chunk {
  at::Tensor hidden, labels, row_weights;
};

Chunk chunk_of(const at::Tensor& hidden, const CrossEntropyOptions& options, int64_t begin, int64_t count) {
  return {hidden.narrow(0, begin, count), options.labels.narrow(0, begin, count),
          options.row_weights.defined() ? options.row_weights.narrow(0, begin, count) : at::Tensor()};
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

/// Logits, loss and the gradient of the logits (null `seed`: none) of a chunk by the composition of ATen's operations.
at::Tensor reference_chunk(const Chunk& chunk, const at::Tensor& weight, const RowRange& range, const double* seed,
                           step::RegionComm& region, at::Tensor& loss) {
  const at::ScalarType type = step::acc(chunk.hidden.scalar_type());
  at::Tensor z = local_logits(chunk.hidden, weight, range);
  loss = softmax_loss(z, targets_of(chunk.labels, chunk.row_weights, range, type), seed, region);
  return z.to(chunk.hidden.scalar_type());
}

/// The same by the kernel of this CPU, over whole rows of classes.
at::Tensor own_chunk(const Chunk& chunk, const at::Tensor& weight, const RowRange& range, const double* seed, at::Tensor& loss) {
  // Where products run in acc anyway, the logits and their gradient stay in it.
  const bool stay = products_widen(chunk.hidden);
  const at::Tensor z = stay ? acc_product(chunk.hidden, weight.t()) : product(chunk.hidden, weight.t());
  const at::Tensor labels = chunk.labels.contiguous();
  const at::Tensor losses = at::empty({z.size(0)}, z.options().dtype(step::kWeightDtype));
  cpu::CrossEntropy entropy{.type = *step::strided_kernel_type(z), .logits = z.data_ptr()};
  entropy.columns = z.size(1);
  entropy.classes = range.count;
  entropy.labels = labels.const_data_ptr<int64_t>();
  entropy.ignored = kIgnoredLabel;
  at::Tensor weights;
  if (chunk.row_weights.defined()) {
    weights = chunk.row_weights.to(step::acc(z.scalar_type())).contiguous();
    entropy.weights = weights.const_data_ptr<float>();
  }
  entropy.losses = losses.data_ptr<double>();
  entropy.want_grad = seed != nullptr;
  entropy.seed = seed ? *seed : 0;
  platform::parallel_for(z.size(0), step::grain_rows(entropy.columns),
                         [&](int64_t begin, int64_t end) { cpu::kernels().cross_entropy->run(entropy, begin, end); });
  loss = losses.sum();
  return z;
}

/// One pass over all chunks. `dhidden` defined: filled; `dweight` defined: accumulated into.
at::Tensor run(const at::Tensor& hidden, const step::Param& head, const CrossEntropyOptions& options, at::Tensor dhidden,
               at::Tensor dweight, step::RegionComm& region) {
  const at::Tensor& weight = head.weight();
  const RowRange range = row_range(head);
  const int64_t rows = hidden.size(0), step_rows = chunk_rows(options.chunk_rows, range.rows);
  const bool backward = dhidden.defined() || dweight.defined();
  const double* seed = backward ? &options.seed : nullptr;
  // Classes on several ranks need reductions between the passes, which the composition has.
  const bool own = region.size() == 1 && step::strided_kernel_type(hidden) && options.labels.is_cpu();
  at::Tensor sum = at::zeros({}, hidden.options().dtype(step::acc(hidden.scalar_type())).requires_grad(false));
  for (int64_t begin = 0; begin < rows; begin += step_rows) {
    const Chunk chunk = chunk_of(hidden, options, begin, std::min(step_rows, rows - begin));
    at::Tensor loss;
    const at::Tensor dz =
        own ? own_chunk(chunk, weight, range, seed, loss) : reference_chunk(chunk, weight, range, seed, region, loss);
    sum.add_(loss);
    if (dhidden.defined()) product_into(dhidden.narrow(0, begin, dz.size(0)), dz, weight);
    if (dweight.defined()) accumulate_outer(dweight, dz, chunk.hidden);
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
