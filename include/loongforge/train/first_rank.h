// SPDX-License-Identifier: Apache-2.0
// Work that the first rank does for all, of any length.
#pragma once
#include <chrono>
#include <functional>

#include "loongforge/comm/group.h"

namespace loongforge::train {

/// Runs `body` on the first rank and then on the others. However long the first takes, no collective waits for more than about
/// `period`, so that the group's timeout tells a lost rank from a busy one. `body` runs on another thread on the first rank.
/// Throws what `body` throws, CommError on the other ranks when the first one failed. Collective.
void first_rank_first(const comm::Group& group, std::chrono::milliseconds period, const std::function<void()>& body);

}  // namespace loongforge::train
