// SPDX-License-Identifier: Apache-2.0
#include "comm/reduce.h"

#include <ATen/ops/maximum.h>
#include <ATen/ops/minimum.h>
#include <c10/core/GradMode.h>

#include "loongforge/core/error.h"
#include "loongforge/platform/dtype.h"

namespace loongforge::comm {

at::Tensor reduce_in_order(std::span<const at::Tensor> parts, ReduceOp op) {
  LF_ASSERT(!parts.empty());
  c10::NoGradGuard no_grad;
  at::Tensor total = parts[0].to(platform::acc(parts[0].scalar_type()), /*non_blocking=*/false, /*copy=*/true);
  for (const at::Tensor& other : parts.subspan(1)) {
    const at::Tensor part = other.to(total.device());  // ranks that are threads may have one each
    switch (op) {
      case ReduceOp::sum: total.add_(part); break;
      case ReduceOp::max: total = at::maximum(total, part.to(total.scalar_type())); break;
      case ReduceOp::min: total = at::minimum(total, part.to(total.scalar_type())); break;
    }
  }
  return total;
}

}  // namespace loongforge::comm
