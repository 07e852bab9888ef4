// SPDX-License-Identifier: Apache-2.0
#include "loongforge/ops/swiglu.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/silu_backward.h>

#include "loongforge/step/function.h"

namespace loongforge::ops {
namespace {

at::Tensor backward(const at::Tensor& gate_up, const at::Tensor& dy) {
  const int64_t width = gate_up.size(-1) / 2;
  const at::Tensor gate = gate_up.narrow(-1, 0, width), up = gate_up.narrow(-1, width, width);
  return at::cat({at::silu_backward(dy.mul(up), gate), at::silu(gate).mul_(dy)}, -1);
}

}  // namespace

at::Tensor swiglu(const at::Tensor& gate_up) {
  at::Tensor y;
  {
    step::NoRecord no_record;
    const int64_t width = gate_up.size(-1) / 2;
    y = at::silu(gate_up.narrow(-1, 0, width)).mul_(gate_up.narrow(-1, width, width));
  }
  if (!step::wants_grad({gate_up})) return y;
  return step::record("swiglu", {gate_up}, y, {gate_up}, [](const step::Tensors& grads, const step::Tensors& saved) {
    return step::Tensors{backward(saved[0], grads[0])};
  });
}

}  // namespace loongforge::ops
