// SPDX-License-Identifier: Apache-2.0
#include "ckpt/host_bytes.h"

#include <algorithm>
#include <cstring>

namespace loongforge::ckpt {
namespace {

// Views that aren't contiguous are compared in pieces of about this size, not copied whole.
constexpr int64_t kPieceBytes = int64_t{16} << 20;

bool same_contiguous(const at::Tensor& a, const at::Tensor& b) {
  HostBytes left = host_bytes(a), right = host_bytes(b);
  return left.bytes.empty() || std::memcmp(left.bytes.data(), right.bytes.data(), left.bytes.size()) == 0;
}

}  // namespace

HostBytes host_bytes(const at::Tensor& tensor) {
  HostBytes host;
  host.tensor = tensor.detach().to(at::kCPU).contiguous();
  host.bytes = {static_cast<const std::byte*>(host.tensor.const_data_ptr()), host.tensor.nbytes()};
  return host;
}

bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  if (a.sizes() != b.sizes() || a.scalar_type() != b.scalar_type()) return false;
  if (a.dim() == 0 || a.numel() == 0 || (a.is_contiguous() && b.is_contiguous())) return same_contiguous(a, b);
  const int64_t row = std::max<int64_t>(1, static_cast<int64_t>(a.nbytes()) / a.size(0));
  const int64_t step = std::max<int64_t>(1, kPieceBytes / row);
  for (int64_t i = 0; i < a.size(0); i += step) {
    const int64_t count = std::min(step, a.size(0) - i);
    if (!same_contiguous(a.narrow(0, i, count), b.narrow(0, i, count))) return false;
  }
  return true;
}

}  // namespace loongforge::ckpt
