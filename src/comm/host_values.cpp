// SPDX-License-Identifier: Apache-2.0
// Small host values over a Group, packed into CPU tensors.
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

/// Every rank's copy of `mine`, [size, mine.numel()].
at::Tensor gather_host(const Group& group, const at::Tensor& mine) {
  const at::Tensor out = at::empty({group.size(), mine.numel()}, mine.options());
  group.all_gather(out, mine).host_wait();
  return out;
}

}  // namespace

std::vector<double> Group::all_reduce_host(std::vector<double> values, ReduceOp op) const {
  if (size_ == 1 || values.empty()) return values;
  LF_ASSERT(impl_, "group {} has no backend", name_);
  at::Tensor packed = host_tensor(static_cast<int64_t>(values.size()), at::kDouble);
  std::memcpy(packed.mutable_data_ptr(), values.data(), values.size() * sizeof(double));
  all_reduce(packed, op).host_wait();
  std::memcpy(values.data(), packed.const_data_ptr(), values.size() * sizeof(double));
  return values;
}

std::vector<std::string> Group::all_gather_bytes(const std::string& mine) const {
  if (size_ == 1) return {mine};
  LF_ASSERT(impl_, "group {} has no backend", name_);
  at::Tensor my_size = host_tensor(1, at::kLong);
  const int64_t bytes = static_cast<int64_t>(mine.size());
  std::memcpy(my_size.mutable_data_ptr(), &bytes, sizeof(bytes));
  const at::Tensor gathered_sizes = gather_host(*this, my_size);
  std::vector<int64_t> sizes(static_cast<size_t>(size_));
  std::memcpy(sizes.data(), gathered_sizes.const_data_ptr(), sizes.size() * sizeof(int64_t));
  const int64_t longest = *std::max_element(sizes.begin(), sizes.end());
  if (longest == 0) return std::vector<std::string>(sizes.size());
  at::Tensor padded = host_tensor(longest, at::kByte);
  std::memset(padded.mutable_data_ptr(), 0, static_cast<size_t>(longest));
  std::memcpy(padded.mutable_data_ptr(), mine.data(), mine.size());
  const at::Tensor all = gather_host(*this, padded);
  const char* data = static_cast<const char*>(all.const_data_ptr());
  std::vector<std::string> result;
  for (size_t r = 0; r < sizes.size(); ++r) {
    result.emplace_back(data + static_cast<int64_t>(r) * longest, static_cast<size_t>(sizes[r]));
  }
  return result;
}

}  // namespace loongforge::comm
