// SPDX-License-Identifier: Apache-2.0
// Generators of pipeline schedules: pure functions of the number of devices p, chunks a device v, and microbatches m,
// all at least 1. Closed forms of bubble and memory: systems §4.1.
#pragma once
#include "loongforge/schedule/op.h"

namespace loongforge::schedule {

/// One forward, one backward (PipeDream-flush; Narayanan et al. 2021).
Schedule one_f_one_b(int p, int m);
/// Interleaved 1F1B over v chunks a device, microbatches in groups of p. When m is not a multiple of p, it is the
/// schedule of the next multiple without the surplus microbatches.
Schedule interleaved(int p, int v, int m);
/// ZB-H1 (Qi et al. 2024): backward split into B and W, weight gradients fill the bubble at the memory of 1F1B.
Schedule zb_h1(int p, int m);

}  // namespace loongforge::schedule
