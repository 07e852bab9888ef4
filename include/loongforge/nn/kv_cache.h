// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <ATen/core/Tensor.h>

#include <utility>
#include <vector>

namespace loongforge::nn {

/// Keys and values of one document by layer, for generation. Buffers grow by doubling.
class KvCache {
 public:
  explicit KvCache(int64_t layers) : layers_(static_cast<size_t>(layers)) {}
  /// Appends rows k, v [rows, kv_heads, head_dim] to a layer; returns views of all its rows.
  std::pair<at::Tensor, at::Tensor> append(int64_t layer, const at::Tensor& k, const at::Tensor& v);
  /// Rows that a layer holds.
  int64_t length(int64_t layer) const { return layers_.at(static_cast<size_t>(layer)).length; }
  /// Forgets all rows from `length` on, in every layer.
  void truncate(int64_t length);

 private:
  struct Layer {
    at::Tensor k, v;
    int64_t length = 0;
  };
  std::vector<Layer> layers_;
};

}  // namespace loongforge::nn
