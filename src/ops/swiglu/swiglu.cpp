// SPDX-License-Identifier: Apache-2.0
#include "loongforge/ops/swiglu.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/silu_backward.h>

#include "loongforge/step/function.h"
#include "step/own_kernel.h"

namespace loongforge::ops {
namespace {

at::Tensor reference_forward(const at::Tensor& gate_up) {
  const int64_t width = gate_up.size(-1) / 2;
  return at::silu(gate_up.narrow(-1, 0, width)).mul_(gate_up.narrow(-1, width, width));
}

at::Tensor reference_backward(const at::Tensor& gate_up, const at::Tensor& dy) {
  const int64_t width = gate_up.size(-1) / 2;
  const at::Tensor gate = gate_up.narrow(-1, 0, width), up = gate_up.narrow(-1, width, width);
  return at::cat({at::silu_backward(dy.mul(up), gate), at::silu(gate).mul_(dy)}, -1);
}

at::Tensor forward(const at::Tensor& gate_up) {
  const auto type = step::kernel_type({gate_up});
  if (!type) return reference_forward(gate_up);
  std::vector<int64_t> shape = gate_up.sizes().vec();
  shape.back() /= 2;
  const at::Tensor y = at::empty(shape, gate_up.options());
  const cpu::Swiglu swiglu{.type = *type, .gate_up = gate_up.const_data_ptr(), .out = y.data_ptr(), .width = shape.back()};
  platform::parallel_for(gate_up.numel() / gate_up.size(-1), step::grain_rows(swiglu.width),
                         [&](int64_t begin, int64_t end) { cpu::kernels().gated->swiglu(swiglu, begin, end); });
  return y;
}

at::Tensor backward(const at::Tensor& gate_up, const at::Tensor& dy) {
  const auto type = step::kernel_type({gate_up, dy});
  if (!type) return reference_backward(gate_up, dy);
  const at::Tensor dx = at::empty_like(gate_up);
  const cpu::Swiglu swiglu{.type = *type, .gate_up = gate_up.const_data_ptr(), .dy = dy.const_data_ptr(),
                           .out = dx.data_ptr(), .width = dy.size(-1)};
  platform::parallel_for(gate_up.numel() / gate_up.size(-1), step::grain_rows(swiglu.width),
                         [&](int64_t begin, int64_t end) { cpu::kernels().gated->swiglu_backward(swiglu, begin, end); });
  return dx;
}

}  // namespace

at::Tensor swiglu(const at::Tensor& gate_up) {
  at::Tensor y;
  {
    step::NoRecord no_record;
    y = forward(gate_up);
  }
  if (!step::wants_grad({gate_up})) return y;
  return step::record("swiglu", {gate_up}, y, {gate_up}, [](const step::Tensors& grads, const step::Tensors& saved) {
    return step::Tensors{backward(saved[0], grads[0].contiguous())};
  });
}

}  // namespace loongforge::ops
