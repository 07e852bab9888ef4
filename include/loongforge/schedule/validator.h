// SPDX-License-Identifier: Apache-2.0
// Checks of a schedule without running it.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "loongforge/schedule/op.h"

namespace loongforge::schedule {

/// What is wrong with a schedule of v chunks a device and m microbatches, a line each; empty when it is right: every
/// operation once and on its device, W after its B, backward after forward, no circle of dependencies.
std::vector<std::string> problems(const Schedule& schedule, int v, int m);

/// How a device exchanges tensors with others. A transfer completes once both sides have posted it.
struct Transfer {
  bool blocking_sends = false;  ///< a device waits for each send before its next operation
  int window = 0;               ///< receives are posted this many operations ahead
};
/// Where the devices get stuck ("device 0 sends F1.0, …"), nothing when all operations run.
std::optional<std::string> deadlock(const Schedule& schedule, Transfer transfer);

/// True when every pair of devices sends and receives its messages in the same order, which transports without tags
/// need. `by_kind`: forward and backward messages have their own channels.
bool consistent_order(const Schedule& schedule, bool by_kind);

/// Largest number of forwards whose activations each device holds at once; freed by BW, or by W when split. In chunks:
/// divide by v for microbatches of a device's full share.
std::vector<int> peak_activations(const Schedule& schedule);

}  // namespace loongforge::schedule
