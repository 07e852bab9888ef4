// SPDX-License-Identifier: Apache-2.0
#include "loongforge/nn/mlp.h"

#include "loongforge/nn/linear.h"
#include "loongforge/ops/linear.h"
#include "loongforge/ops/swiglu.h"

namespace loongforge::nn {

at::Tensor gated_mlp(const at::Tensor& x, const MlpParams& params, step::RegionComm& region) {
  const at::Tensor gate_up = ops::linear(x, *params.gate_up, params.gate_up_bias);
  return row_linear(ops::swiglu(gate_up), *params.down, params.down_bias, region);
}

}  // namespace loongforge::nn
