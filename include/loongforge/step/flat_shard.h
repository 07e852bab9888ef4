// SPDX-License-Identifier: Apache-2.0
// FlatShard: what an optimizer sees of the parameters: a flat range of masters and complete gradients. It ignores
// the borders of parameters; only elementwise groups (learning-rate scale, weight decay) cut it.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace loongforge::step {

/// Elements [begin, end) of a shard that are stepped alike. Padding and alignment gaps may lie inside: their gradients
/// and masters are zero and stay zero.
struct FlatSegment {
  int64_t begin = 0, end = 0;
  double lr_scale = 1.0;
  bool weight_decay = true;
};

struct FlatShard {
  at::Tensor master;  ///< [n] in the master dtype, updated in place
  at::Tensor grad;    ///< [n] in the gradient dtype, complete and unclipped once the gradients are finished
  at::Tensor weight;  ///< [n] in the compute dtype: receives the stepped masters; the same memory as master if the dtypes agree
  std::vector<FlatSegment> segments;                   ///< ascending, disjoint
  std::map<std::string, at::Tensor, std::less<>> state;  ///< the optimizer's own [n] tensors by published name ("exp_avg")
};

}  // namespace loongforge::step
