// SPDX-License-Identifier: Apache-2.0
#include "loongforge/nn/kv_cache.h"

#include <ATen/ops/empty.h>

#include <algorithm>

#include "loongforge/step/function.h"

namespace loongforge::nn {
namespace {

constexpr int64_t kFirstCapacity = 256;

void store(at::Tensor& buffer, const at::Tensor& rows, int64_t length) {
  const int64_t needed = length + rows.size(0);
  if (!buffer.defined() || buffer.size(0) < needed) {
    const int64_t capacity = std::max({needed, kFirstCapacity, buffer.defined() ? 2 * buffer.size(0) : 0});
    at::Tensor grown = at::empty({capacity, rows.size(1), rows.size(2)}, rows.options());
    if (length > 0) grown.narrow(0, 0, length).copy_(buffer.narrow(0, 0, length));
    buffer = grown;
  }
  buffer.narrow(0, length, rows.size(0)).copy_(rows);
}

}  // namespace

std::pair<at::Tensor, at::Tensor> KvCache::append(int64_t layer, const at::Tensor& k, const at::Tensor& v) {
  step::NoRecord no_record;
  Layer& cache = layers_.at(static_cast<size_t>(layer));
  store(cache.k, k, cache.length);
  store(cache.v, v, cache.length);
  cache.length += k.size(0);
  return {cache.k.narrow(0, 0, cache.length), cache.v.narrow(0, 0, cache.length)};
}

void KvCache::truncate(int64_t length) {
  for (Layer& layer : layers_) layer.length = std::min(layer.length, length);
}

}  // namespace loongforge::nn
