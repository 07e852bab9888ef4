// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu_units.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <atomic>

#include "loongforge/platform/parallel.h"

namespace loongforge::ops {

void run_units(int64_t count, int64_t bytes, const std::function<void(int64_t, std::byte*)>& work) {
  if (count == 0) return;
  const int64_t threads = at::in_parallel_region() ? 1 : std::min<int64_t>(at::get_num_threads(), count);
  const int64_t step = (bytes + 63) / 64 * 64;
  // From LibTorch's allocator, which keeps the memory for the next call.
  const at::Tensor workspace = at::empty({threads * step}, at::TensorOptions().dtype(at::kByte));
  auto* base = static_cast<std::byte*>(workspace.data_ptr());
  std::atomic<int64_t> next{0};
  platform::parallel_for(threads, 1, [&](int64_t begin, int64_t) {
    for (int64_t unit = next++; unit < count; unit = next++) work(unit, base + begin * step);
  });
}

}  // namespace loongforge::ops
