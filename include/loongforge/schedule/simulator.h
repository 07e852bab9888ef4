// SPDX-License-Identifier: Apache-2.0
// Runs a schedule on paper: when every operation starts and ends, and a drawing of it.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "loongforge/schedule/op.h"

namespace loongforge::schedule {

/// Seconds (or any unit) of an operation of one chunk; BW takes b + w. `transfer` passes between an output and its use
/// elsewhere.
struct Times {
  double f = 1, b = 1, w = 1, transfer = 0;
};

struct TimedOp {
  Op op;
  double start = 0, end = 0;
};

struct Timeline {
  std::vector<std::vector<TimedOp>> devices;
  double makespan = 0;
  double busy(int device) const;
  double bubble(int device) const { return makespan - busy(device); }  ///< idle time of a device
};

/// Each operation starts as soon as its device is free and its inputs are there. LF_ASSERTs that the schedule can run.
Timeline simulate(const Schedule& schedule, const std::function<double(const Op&)>& duration, double transfer = 0);
Timeline simulate(const Schedule& schedule, const Times& times = {});

/// One line a device, `unit` of time a cell: the microbatch at the cell where an operation starts, after its kind's
/// letter (F, B, W; D for BW), "-" while it goes on, "." while the device idles.
std::string draw(const Timeline& timeline, double unit = 1);

}  // namespace loongforge::schedule
