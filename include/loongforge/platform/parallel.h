// SPDX-License-Identifier: Apache-2.0
// Dealing work on the host to the threads that LibTorch's operations use.
#pragma once
#include <cstdint>

namespace loongforge::platform {

namespace detail {
using RangeBody = void (*)(const void* body, int64_t begin, int64_t end);
void run_ranges(int64_t count, int64_t grain, RangeBody run, const void* body);
}  // namespace detail

/// Calls body(begin, end) for ranges that together are [0, count), at least `grain` (≥ 1) long where there are several, each on a
/// thread of its own. Stays on the calling thread when one range is enough, when the thread may use no others, or inside
/// another parallel region. An exception of a body is rethrown after all have ended.
template <class Body>
void parallel_for(int64_t count, int64_t grain, const Body& body) {
  detail::run_ranges(
      count, grain,
      [](const void* object, int64_t begin, int64_t end) { (*static_cast<const Body*>(object))(begin, end); }, &body);
}

}  // namespace loongforge::platform
