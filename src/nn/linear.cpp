// SPDX-License-Identifier: Apache-2.0
#include "loongforge/nn/linear.h"

#include "loongforge/ops/linear.h"

namespace loongforge::nn {

at::Tensor row_linear(const at::Tensor& x, const step::Param& weight, const step::Param* bias, step::RegionComm& region) {
  if (region.size() == 1) return ops::linear(x, weight, bias);
  const at::Tensor y = region.leave(ops::linear(x, weight));
  return bias ? ops::add_bias(y, *bias) : y;
}

}  // namespace loongforge::nn
