// SPDX-License-Identifier: Apache-2.0
#include "loongforge/platform/parallel.h"

#include <ATen/Parallel.h>
#include <c10/util/ParallelGuard.h>

#include <algorithm>
#include <atomic>
#include <exception>

// The OpenMP runtime that LibTorch has loaded, by the entry that GCC's `#pragma omp parallel` calls (LLVM's runtime has it too):
// with a pragma the compiler would choose the runtime, and a second one would bring its own threads.
extern "C" {
void GOMP_parallel(void (*body)(void*), void* data, unsigned threads, unsigned flags);
int omp_get_thread_num();
int omp_get_num_threads();
}

namespace loongforge::platform::detail {
namespace {

struct Region {
  int64_t count, grain;
  RangeBody run;
  const void* body;
  std::exception_ptr failure;
  std::atomic_flag failed = ATOMIC_FLAG_INIT;
};

void run_share(void* data) {
  auto& region = *static_cast<Region*>(data);
  const int64_t shares = std::min<int64_t>(omp_get_num_threads(), (region.count + region.grain - 1) / region.grain);
  const int64_t length = (region.count + shares - 1) / shares, begin = omp_get_thread_num() * length;
  if (begin >= region.count) return;
  try {
    c10::ParallelGuard guard(true);
    region.run(region.body, begin, std::min(region.count, begin + length));
  } catch (...) {
    if (!region.failed.test_and_set()) region.failure = std::current_exception();
  }
}

}  // namespace

void run_ranges(int64_t count, int64_t grain, RangeBody run, const void* body) {
  if (count <= 0) return;
  if (count <= grain || c10::ParallelGuard::is_enabled() || at::get_num_threads() == 1) {
    run(body, 0, count);
    return;
  }
  Region region{count, grain, run, body, nullptr};
  // Always all threads: a smaller number would make the runtime end and start some.
  GOMP_parallel(run_share, &region, 0, 0);
  if (region.failure) std::rethrow_exception(region.failure);
}

}  // namespace loongforge::platform::detail
