// SPDX-License-Identifier: Apache-2.0
#include "ops/attention/reference.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include "loongforge/step/dtype.h"

namespace loongforge::ops {
namespace {

/// `documents` documents of `length` rows each. On the CPU in acc(dtype): its bf16 kernel rounds the sums over a
/// group's heads, which is less exact than the models' own implementations, and gains no time.
at::Tensor attend_uniform(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t documents,
                          int64_t length, const step::AttentionOptions& options) {
  const at::ScalarType type = q.is_cpu() ? step::acc(q.scalar_type()) : q.scalar_type();
  auto split = [&](const at::Tensor& x) {
    return x.view({documents, length, x.size(1), x.size(2)}).transpose(1, 2).to(type);
  };
  const bool masked = options.window > 0 && options.window < length;
  std::optional<at::Tensor> mask;
  if (masked) mask = attention_mask(length, length, options, q);
  const at::Tensor out =
      at::scaled_dot_product_attention(split(q), split(k), split(v), mask, /*dropout_p=*/0.0,
                                       /*is_causal=*/options.causal && !masked, options.scale, /*enable_gqa=*/true);
  return out.to(q.scalar_type()).transpose(1, 2).reshape({documents * length, q.size(1), v.size(2)});
}

bool is_uniform(const std::vector<int64_t>& cu_seqlens) {
  for (size_t i = 1; i + 1 < cu_seqlens.size(); ++i) {
    if (cu_seqlens[i + 1] - cu_seqlens[i] != cu_seqlens[1] - cu_seqlens[0]) return false;
  }
  return true;
}

}  // namespace

at::Tensor attention_mask(int64_t queries, int64_t keys, const step::AttentionOptions& options,
                          const at::Tensor& like) {
  const auto type = like.options().dtype(at::kLong).requires_grad(false);
  const at::Tensor distance =
      at::arange(keys - queries, keys, type).unsqueeze(1).sub(at::arange(keys, type).unsqueeze(0));
  const at::Tensor near = distance.lt(options.window > 0 ? options.window : keys);
  return options.causal ? near.bitwise_and(distance.ge(0)) : near;
}

at::Tensor attention_reference(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                               const std::vector<int64_t>& cu_seqlens, const step::AttentionOptions& options) {
  const auto documents = static_cast<int64_t>(cu_seqlens.size()) - 1;
  if (is_uniform(cu_seqlens)) return attend_uniform(q, k, v, documents, cu_seqlens[1] - cu_seqlens[0], options);
  std::vector<at::Tensor> outputs;
  for (int64_t i = 0; i < documents; ++i) {
    const int64_t begin = cu_seqlens[i], length = cu_seqlens[i + 1] - begin;
    if (length == 0) continue;
    outputs.push_back(attend_uniform(q.narrow(0, begin, length), k.narrow(0, begin, length), v.narrow(0, begin, length),
                                     1, length, options));
  }
  return at::cat(outputs, 0);
}

}  // namespace loongforge::ops
