// SPDX-License-Identifier: Apache-2.0
// Divides attention over documents into units for threads, longest first.
#pragma once
#include <vector>

#include "kernels/cpu/attention.h"
#include "ops/attention/varlen.h"

namespace loongforge::ops {

std::vector<cpu::AttentionUnit> forward_units(const cpu::AttentionArgs& args, const DocumentBorders& borders,
                                              int threads);

/// Whole documents when they keep the threads as busy as dividing them would, which takes seven products where five do.
std::vector<cpu::AttentionUnit> backward_units(const cpu::AttentionArgs& args, const DocumentBorders& borders,
                                               int threads, Division division);

}  // namespace loongforge::ops
