// SPDX-License-Identifier: Apache-2.0
// The one place of this module that looks at the bytes of tensors: the copies between files and host memory.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstddef>
#include <span>

namespace loongforge::ckpt {

/// A contiguous host tensor and its bytes; the bytes live as long as the tensor.
struct HostBytes {
  at::Tensor tensor;
  std::span<const std::byte> bytes;
};
/// Copies only what isn't contiguous on the host already.
HostBytes host_bytes(const at::Tensor& tensor);

/// Do two tensors of one shape and element type hold the same bits? (NaNs are compared by their bits too.)
bool same_bits(const at::Tensor& a, const at::Tensor& b);

}  // namespace loongforge::ckpt
