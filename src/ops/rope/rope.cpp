// SPDX-License-Identifier: Apache-2.0
#include "loongforge/ops/rope.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>

#include "loongforge/step/dtype.h"
#include "loongforge/step/function.h"

namespace loongforge::ops {
namespace {

at::Tensor turn(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin) {
  const int64_t half = cos.size(-1);
  const at::ScalarType type = cos.scalar_type();
  const at::Tensor first = x.narrow(-1, 0, half).to(type), second = x.narrow(-1, half, half).to(type);
  const at::Tensor c = cos.unsqueeze(1), s = sin.unsqueeze(1);
  std::vector<at::Tensor> parts{first.mul(c).sub_(second.mul(s)).to(x.scalar_type()),
                                second.mul(c).add_(first.mul(s)).to(x.scalar_type())};
  if (x.size(-1) > 2 * half) parts.push_back(x.narrow(-1, 2 * half, x.size(-1) - 2 * half));
  return at::cat(parts, -1);
}

}  // namespace

std::pair<at::Tensor, at::Tensor> rope_tables(const at::Tensor& positions, std::span<const double> inv_freq,
                                              double attention_factor, at::ScalarType dtype) {
  step::NoRecord no_record;
  const auto type = at::TensorOptions().dtype(step::acc(dtype));
  const at::Tensor frequencies = at::tensor(at::ArrayRef<double>(inv_freq.data(), inv_freq.size()), type);
  const at::Tensor angles = positions.to(type.dtype()).unsqueeze(1).mul(frequencies.to(positions.device()));
  return {angles.cos().mul_(attention_factor), angles.sin().mul_(attention_factor)};
}

at::Tensor rope(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin) {
  at::Tensor y;
  {
    step::NoRecord no_record;
    y = turn(x, cos, sin);
  }
  if (!step::wants_grad({x})) return y;
  return step::record("rope", {x}, y, {}, [cos, sin](const step::Tensors& grads, const step::Tensors&) {
    return step::Tensors{turn(grads[0], cos, sin.neg())};
  });
}

}  // namespace loongforge::ops
