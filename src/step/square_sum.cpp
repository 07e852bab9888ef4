// SPDX-License-Identifier: Apache-2.0
#include "loongforge/step/square_sum.h"

#include <ATen/ops/zeros.h>

#include <algorithm>
#include <vector>

#include "step/own_kernel.h"

namespace loongforge::step {
namespace {

// Elements whose fp64 copy is made at once: on the CPU it stays in the cache, elsewhere it has to keep a device busy.
constexpr int64_t kHostChunk = int64_t{1} << 15, kDeviceChunk = int64_t{1} << 24;

double host_square_sum(const at::Tensor& chunk) {
  if (const auto type = kernel_type({chunk})) {
    return cpu::kernels().adamw->square_sum(*type, chunk.const_data_ptr(), chunk.numel());
  }
  return chunk.to(at::kDouble).square().sum().item<double>();  // not dot: BLAS starts threads of its own
}

}  // namespace

at::Tensor square_sum(std::span<const at::Tensor> flats, c10::Device device) {
  at::Tensor sum = at::zeros({}, at::TensorOptions().device(device).dtype(at::kDouble));
  const int64_t most = device.is_cpu() ? kHostChunk : kDeviceChunk;
  std::vector<at::Tensor> chunks;
  for (const at::Tensor& flat : flats) {
    for (int64_t begin = 0; begin < flat.numel(); begin += most) {
      chunks.push_back(flat.narrow(0, begin, std::min(most, flat.numel() - begin)));
    }
  }
  if (!device.is_cpu()) {
    for (const at::Tensor& chunk : chunks) sum.add_(chunk.to(at::kDouble).square().sum());
    return sum;
  }
  std::vector<double> squares(chunks.size());
  platform::parallel_for(static_cast<int64_t>(chunks.size()), 1, [&](int64_t first, int64_t last) {
    for (int64_t c = first; c < last; ++c) squares[static_cast<size_t>(c)] = host_square_sum(chunks[static_cast<size_t>(c)]);
  });
  double total = 0;
  for (const double square : squares) total += square;
  return sum.add_(total);
}

}  // namespace loongforge::step
