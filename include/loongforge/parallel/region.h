// SPDX-License-Identifier: Apache-2.0
// The tensor-parallel form of the RegionComm seam (Shoeybi et al. 2019; sequence parallelism: Korthikanti et al. 2022).
#pragma once
#include <memory>

#include "loongforge/comm/group.h"
#include "loongforge/step/seams.h"

namespace loongforge::parallel {

/// Borders of a region over `tp`. With sequence parallelism, rows (dimension 0) must divide by the size of `tp` where a region
/// is left or rows are sharded. A size-1 group gives the one-rank form.
std::unique_ptr<step::RegionComm> make_region(comm::Group tp, bool sequence_parallel);

}  // namespace loongforge::parallel
