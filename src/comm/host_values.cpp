// SPDX-License-Identifier: Apache-2.0
// Small host values over a Group: packed into a CPU tensor, moved to the group's device if that isn't the CPU.
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstring>

#include "loongforge/comm/group.h"
#include "loongforge/core/error.h"

namespace loongforge::comm {
namespace {

at::Tensor host_tensor(int64_t count, at::ScalarType dtype) {
  return at::empty({count}, at::TensorOptions().dtype(dtype).device(at::kCPU));
}

at::Tensor on(const at::Tensor& tensor, at::Device device) {
  return tensor.device() == device ? tensor : tensor.to(device);
}

/// Every rank's copy of `mine`, [size, mine.numel()] on the host.
at::Tensor gather_host(const Group& group, const at::Tensor& mine, at::Device device) {
  const at::Tensor in = on(mine, device);
  const at::Tensor out = at::empty({group.size(), mine.numel()}, in.options());
  group.all_gather(out, in).host_wait();
  return on(out, at::kCPU);
}

}  // namespace

std::vector<double> Group::all_reduce_host(std::vector<double> values, ReduceOp op) const {
  if (size_ == 1 || values.empty()) return values;
  LF_ASSERT(impl_, "group {} has no backend", name_);
  at::Tensor packed = host_tensor(static_cast<int64_t>(values.size()), at::kDouble);
  std::memcpy(packed.mutable_data_ptr(), values.data(), values.size() * sizeof(double));
  at::Tensor there = on(packed, impl_->device());
  all_reduce(there, op).host_wait();
  const at::Tensor back = on(there, at::kCPU);
  std::memcpy(values.data(), back.const_data_ptr(), values.size() * sizeof(double));
  return values;
}

std::vector<std::string> Group::all_gather_bytes(const std::string& mine) const {
  if (size_ == 1) return {mine};
  LF_ASSERT(impl_, "group {} has no backend", name_);
  at::Tensor my_size = host_tensor(1, at::kLong);
  const int64_t bytes = static_cast<int64_t>(mine.size());
  std::memcpy(my_size.mutable_data_ptr(), &bytes, sizeof(bytes));
  const at::Tensor gathered_sizes = gather_host(*this, my_size, impl_->device());
  std::vector<int64_t> sizes(static_cast<size_t>(size_));
  std::memcpy(sizes.data(), gathered_sizes.const_data_ptr(), sizes.size() * sizeof(int64_t));
  const int64_t longest = *std::max_element(sizes.begin(), sizes.end());
  if (longest == 0) return std::vector<std::string>(sizes.size());
  at::Tensor padded = host_tensor(longest, at::kByte);
  std::memset(padded.mutable_data_ptr(), 0, static_cast<size_t>(longest));
  std::memcpy(padded.mutable_data_ptr(), mine.data(), mine.size());
  const at::Tensor all = gather_host(*this, padded, impl_->device());
  const char* data = static_cast<const char*>(all.const_data_ptr());
  std::vector<std::string> result;
  for (size_t r = 0; r < sizes.size(); ++r) {
    result.emplace_back(data + static_cast<int64_t>(r) * longest, static_cast<size_t>(sizes[r]));
  }
  return result;
}

}  // namespace loongforge::comm
