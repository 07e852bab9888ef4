// SPDX-License-Identifier: Apache-2.0
// Runs units of kernel work over the intra-op threads.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>

namespace loongforge::ops {

/// Calls work(unit, workspace) once for each unit in [0, count); threads take the next unit when they are done with
/// one, so put the long ones first. Each thread has a workspace of `bytes`, aligned to 64. What a unit computes may not
/// depend on the thread that runs it. Inside a parallel region everything runs on the calling thread.
void run_units(int64_t count, int64_t bytes, const std::function<void(int64_t unit, std::byte* workspace)>& work);

}  // namespace loongforge::ops
