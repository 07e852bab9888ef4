// SPDX-License-Identifier: Apache-2.0
// Faults at exact places, for tests: LF_FAILPOINT=site:action[@n][,site:action[@n]…].
#pragma once
#include <atomic>
#include <string_view>

namespace loongforge {
namespace detail {
extern std::atomic<bool> failpoints_armed;
void failpoint_hit(std::string_view site);
}  // namespace detail

/// Does what LF_FAILPOINT asks at `site` on its n-th visit (default the first): `kill` (SIGKILL to itself), `exit`
/// (status 1, nothing flushed), `throw` (std::runtime_error), `enospc` (ResourceError, as a full disk gives).
/// The variable is read once, at start. Costs one branch when it is unset.
inline void failpoint(std::string_view site) {
  if (detail::failpoints_armed.load(std::memory_order_relaxed)) [[unlikely]] detail::failpoint_hit(site);
}

/// For tests in one process: replaces the armed list and forgets the counts; "" disarms. Throws ConfigError on a bad
/// text.
void arm_failpoints(std::string_view text);

}  // namespace loongforge
