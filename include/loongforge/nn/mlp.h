// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <ATen/core/Tensor.h>

#include "loongforge/step/param.h"
#include "loongforge/step/seams.h"

namespace loongforge::nn {

struct MlpParams {
  const step::Param* gate_up = nullptr;  ///< [2, width, hidden]: gate, up
  const step::Param* gate_up_bias = nullptr;  ///< [2, width]
  const step::Param* down = nullptr;     ///< [hidden, width]
  const step::Param* down_bias = nullptr;
};

/// down(silu(gate(x))·up(x)); x [rows, hidden] inside the region, the result outside.
at::Tensor gated_mlp(const at::Tensor& x, const MlpParams& params, step::RegionComm& region);

}  // namespace loongforge::nn
