// SPDX-License-Identifier: Apache-2.0
#include "loongforge/ops/attention.h"

#include <ATen/ops/empty_like.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include "loongforge/core/error.h"
#include "loongforge/step/function.h"
#include "loongforge/step/state.h"
#include "ops/attention/reference.h"
#include "ops/attention/varlen.h"

namespace loongforge::ops {
namespace {

/// Shapes only: SDPA has no path for meta tensors from C++.
at::Tensor attend_meta(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  at::Tensor out;
  {
    step::NoRecord no_record;
    out = at::empty_like(q, at::MemoryFormat::Contiguous);
  }
  if (!step::wants_grad({q, k, v})) return out;
  return step::record(
      "attention", {q, k, v}, out, {q, k, v, out}, [](const step::Tensors&, const step::Tensors& saved) {
        return step::Tensors{at::empty_like(saved[0]), at::empty_like(saved[1]), at::empty_like(saved[2])};
      });
}

at::Tensor attend_kernel(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, DocumentBorders borders,
                         const step::AttentionOptions& options) {
  Attended attended;
  {
    step::NoRecord no_record;
    attended = varlen_forward(q, k, v, borders, options);
  }
  if (!step::wants_grad({q, k, v})) return attended.out;
  return step::record(
      "attention", {q, k, v}, attended.out, {q, k, v, attended.out, attended.lse},
      [borders = std::move(borders), options](const step::Tensors& grads, const step::Tensors& saved) {
        return varlen_backward(grads[0], saved[0], saved[1], saved[2], {saved[3], saved[4]}, borders, options);
      });
}

}  // namespace

at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                     const std::vector<int64_t>& cu_seqlens, const step::AttentionOptions& options) {
  LF_ASSERT(cu_seqlens.size() >= 2 && cu_seqlens.back() == q.size(0), "cu_seqlens ends at {}, rows are {}",
            cu_seqlens.empty() ? 0 : cu_seqlens.back(), q.size(0));
  if (q.is_meta()) return attend_meta(q, k, v);
  if (varlen_serves(q, k, v, options)) return attend_kernel(q, k, v, {cu_seqlens, cu_seqlens}, options);
  return attention_reference(q, k, v, cu_seqlens, options);
}

at::Tensor attention_with_past(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                               const step::AttentionOptions& options) {
  step::NoRecord no_record;
  auto split = [](const at::Tensor& x) { return x.transpose(0, 1).unsqueeze(0); };
  std::optional<at::Tensor> mask;
  if (q.size(0) > 1 || options.window > 0) mask = attention_mask(q.size(0), k.size(0), options, q);
  const at::Tensor out = at::scaled_dot_product_attention(split(q), split(k), split(v), mask, /*dropout_p=*/0.0,
                                                          /*is_causal=*/false, options.scale, /*enable_gqa=*/true);
  return out.squeeze(0).transpose(0, 1).contiguous();
}

at::Tensor LocalAttention::attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                  const step::MicroBatch& batch, const step::AttentionOptions& options) {
  return attention(q, k, v, batch.host("cu_seqlens"), options);
}

step::AttentionEngine& attention_of(const step::Seams& seams) {
  static LocalAttention local;  // has no state
  return seams.attention ? *seams.attention : local;
}

}  // namespace loongforge::ops
