// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <c10/core/Device.h>

#include "loongforge/core/dtype.h"

namespace loongforge::platform {

/// FLOP/s of the best of a few square matrix products in `dtype` (16-bit types: or in fp32) on this rank's threads; measured once a process (about
/// 0.1 s) and type. 0 on devices whose work the host cannot time this way.
double gemm_limit(Dtype dtype, c10::Device device);

}  // namespace loongforge::platform
