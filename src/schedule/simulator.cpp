// SPDX-License-Identifier: Apache-2.0
#include "loongforge/schedule/simulator.h"

#include <cmath>

#include "loongforge/core/error.h"
#include "schedule/messages.h"

namespace loongforge::schedule {
namespace {

constexpr double kNotYet = -1;

class Simulation {
 public:
  Simulation(const Schedule& schedule, const std::function<double(const Op&)>& duration, double transfer)
      : schedule_(schedule), duration_(duration), transfer_(transfer), e_(extents(schedule)), done_(e_, kNotYet) {
    timeline_.devices.resize(schedule.size());
  }

  Timeline run() {
    for (bool moved = true; moved;) {
      moved = false;
      for (int device = 0; device < e_.devices; ++device) {
        while (advance(device)) moved = true;
      }
    }
    for (size_t device = 0; device < schedule_.size(); ++device) {
      LF_ASSERT(timeline_.devices[device].size() == schedule_[device].size(), "device {} waits for ever", device);
    }
    return std::move(timeline_);
  }

 private:
  // When the inputs of `op` are there; kNotYet while that is unknown.
  double ready(const Op& op) {
    const bool backward = is_backward(op.kind);
    if (op.kind == OpKind::W) return done_.at(true, op.vs, op.mb);
    double time = backward ? done_.at(false, op.vs, op.mb) : 0;
    const std::optional<int> source = source_stage(op, e_.stages);
    if (time == kNotYet || !source) return time;
    const double end = done_.at(backward, *source, op.mb);
    const bool remote = *source % e_.devices != op.vs % e_.devices;
    return end == kNotYet ? kNotYet : std::max(time, end + (remote ? transfer_ : 0));
  }

  bool advance(int device) {
    auto& past = timeline_.devices[device];
    if (past.size() == schedule_[device].size()) return false;
    const Op& op = schedule_[device][past.size()];
    const double inputs = ready(op);
    if (inputs == kNotYet) return false;
    const double start = std::max(inputs, past.empty() ? 0 : past.back().end), end = start + duration_(op);
    past.push_back({op, start, end});
    if (op.kind != OpKind::W) done_.at(is_backward(op.kind), op.vs, op.mb) = end;
    timeline_.makespan = std::max(timeline_.makespan, end);
    return true;
  }

  const Schedule& schedule_;
  const std::function<double(const Op&)>& duration_;
  double transfer_;
  Extents e_;
  ByMessage<double> done_;
  Timeline timeline_;
};

char letter(OpKind kind) { return "FBWD"[static_cast<int>(kind)]; }

}  // namespace

double Timeline::busy(int device) const {
  double sum = 0;
  for (const TimedOp& timed : devices.at(static_cast<size_t>(device))) sum += timed.end - timed.start;
  return sum;
}

Timeline simulate(const Schedule& schedule, const std::function<double(const Op&)>& duration, double transfer) {
  return Simulation(schedule, duration, transfer).run();
}

Timeline simulate(const Schedule& schedule, const Times& times) {
  const auto duration = [&](const Op& op) {
    switch (op.kind) {
      case OpKind::F: return times.f;
      case OpKind::B: return times.b;
      case OpKind::W: return times.w;
      case OpKind::BW: return times.b + times.w;
    }
    return 0.0;
  };
  return simulate(schedule, duration, times.transfer);
}

std::string draw(const Timeline& timeline, double unit) {
  size_t width = 1;
  for (const auto& ops : timeline.devices) {
    for (const TimedOp& timed : ops) width = std::max(width, 1 + std::to_string(timed.op.mb).size());
  }
  std::string text;
  for (const auto& ops : timeline.devices) {
    const auto cells = static_cast<size_t>(std::llround(timeline.makespan / unit));
    std::string line(cells * (width + 1), ' ');
    for (size_t cell = 0; cell < cells; ++cell) line[cell * (width + 1)] = '.';
    for (const TimedOp& timed : ops) {
      const auto first = static_cast<size_t>(std::llround(timed.start / unit)),
                 last = static_cast<size_t>(std::llround(timed.end / unit));
      for (size_t cell = first; cell < last; ++cell) {
        const std::string label = cell == first ? letter(timed.op.kind) + std::to_string(timed.op.mb) : "-";
        line.replace(cell * (width + 1), label.size(), label);
      }
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

}  // namespace loongforge::schedule
