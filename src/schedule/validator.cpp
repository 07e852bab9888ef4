// SPDX-License-Identifier: Apache-2.0
#include "loongforge/schedule/validator.h"

#include <fmt/ranges.h>

#include <map>

#include "loongforge/core/error.h"
#include "schedule/messages.h"

namespace loongforge::schedule {
namespace {

// What has been seen of one (virtual stage, microbatch) on its device.
struct Seen {
  int forward = 0, backward = 0, weight = 0;
  bool split = false;
};

bool in_range(const Op& op, int device, int p, int v, int m) {
  return op.vs >= 0 && op.vs < p * v && op.vs % p == device && op.mb >= 0 && op.mb < m;
}

void note(const Op& op, int device, Seen& seen, std::vector<std::string>& found) {
  const auto report = [&](const char* what) {
    found.push_back(fmt::format("device {}: {} {}", device, op_name(op), what));
  };
  switch (op.kind) {
    case OpKind::F:
      if (seen.forward++) report("runs twice");
      break;
    case OpKind::B:
    case OpKind::BW:
      if (!seen.forward) report("runs before its forward");
      if (seen.backward++) report("runs twice");
      seen.split = op.kind == OpKind::B;
      break;
    case OpKind::W:
      if (!seen.backward || !seen.split) report("runs before its B");
      if (seen.weight++) report("runs twice");
      break;
  }
}

// The program counters of the devices while they compute and exchange.
class Progress {
 public:
  Progress(const Schedule& schedule, Transfer transfer)
      : schedule_(schedule),
        transfer_(transfer),
        e_(extents(schedule)),
        sent_(e_, false),
        position_(e_, -1),
        at_(schedule.size()),
        sending_(schedule.size()) {
    for (const auto& ops : schedule) {
      for (size_t i = 0; i < ops.size(); ++i) {
        if (ops[i].kind != OpKind::W)
          position_.at(is_backward(ops[i].kind), ops[i].vs, ops[i].mb) = static_cast<int>(i);
      }
    }
  }

  std::optional<std::string> run() {
    for (bool moved = true; moved;) {
      moved = false;
      for (int device = 0; device < e_.devices; ++device) {
        while (advance(device)) moved = true;
      }
    }
    std::vector<std::string> stuck;
    for (size_t device = 0; device < schedule_.size(); ++device) {
      if (at_[device] == schedule_[device].size()) continue;
      stuck.push_back(fmt::format("device {} {} {}", device, sending_[device] ? "sends" : "awaits the input of",
                                  op_name(schedule_[device][at_[device]])));
    }
    return stuck.empty() ? std::nullopt : std::optional(fmt::format("{}", fmt::join(stuck, ", ")));
  }

 private:
  bool input_there(const Op& op) {
    const std::optional<int> source = source_stage(op, e_.stages);
    return !source || sent_.at(is_backward(op.kind), *source, op.mb);
  }

  // Has the device that needs the output of `op` posted the receive?
  bool output_awaited(const Op& op) {
    const std::optional<int> target = target_stage(op, e_.stages);
    if (!target || *target % e_.devices == op.vs % e_.devices) return true;
    const int use = position_.at(is_backward(op.kind), *target, op.mb);
    return use >= 0 && use <= static_cast<int>(at_[*target % e_.devices]) + transfer_.window;
  }

  bool advance(int device) {
    if (at_[device] == schedule_[device].size()) return false;
    const Op& op = schedule_[device][at_[device]];
    if (!sending_[device]) {
      if (!input_there(op)) return false;
      if (op.kind != OpKind::W) sent_.at(is_backward(op.kind), op.vs, op.mb) = true;
      sending_[device] = true;
    }
    if (transfer_.blocking_sends && !output_awaited(op)) return false;
    sending_[device] = false;
    ++at_[device];
    return true;
  }

  const Schedule& schedule_;
  Transfer transfer_;
  Extents e_;
  ByMessage<char> sent_;
  ByMessage<int> position_;
  std::vector<size_t> at_;
  std::vector<char> sending_;
};

struct Channel {
  int from, to;
  bool backward;
  auto operator<=>(const Channel&) const = default;
};
// A message by the virtual stage that makes it.
struct Message {
  bool backward;
  int vs, mb;
  bool operator==(const Message&) const = default;
};

}  // namespace

std::vector<std::string> problems(const Schedule& schedule, int v, int m) {
  const int p = static_cast<int>(schedule.size());
  std::vector<std::string> found;
  std::map<std::pair<int, int>, Seen> seen;
  for (int device = 0; device < p; ++device) {
    for (const Op& op : schedule[device]) {
      if (in_range(op, device, p, v, m)) {
        note(op, device, seen[{op.vs, op.mb}], found);
      } else {
        found.push_back(fmt::format("device {}: {} does not belong here", device, op_name(op)));
      }
    }
  }
  for (int vs = 0; vs < p * v; ++vs) {
    for (int mb = 0; mb < m; ++mb) {
      const Seen& s = seen[{vs, mb}];
      if (!s.forward) found.push_back(fmt::format("{} is missing", op_name({OpKind::F, vs, mb})));
      if (!s.backward) found.push_back(fmt::format("{} is missing", op_name({OpKind::B, vs, mb})));
      if (s.split && !s.weight) found.push_back(fmt::format("{} is missing", op_name({OpKind::W, vs, mb})));
    }
  }
  if (!found.empty()) return found;
  if (auto stuck = deadlock(schedule, {})) found.push_back("circular: " + *stuck);
  return found;
}

std::optional<std::string> deadlock(const Schedule& schedule, Transfer transfer) {
  return Progress(schedule, transfer).run();
}

bool consistent_order(const Schedule& schedule, bool by_kind) {
  const Extents e = extents(schedule);
  std::map<Channel, std::vector<Message>> sent, received;
  for (int device = 0; device < e.devices; ++device) {
    for (const Op& op : schedule[device]) {
      const bool backward = is_backward(op.kind), channel = by_kind && backward;
      const auto source = source_stage(op, e.stages), target = target_stage(op, e.stages);
      if (source && *source % e.devices != device)
        received[{*source % e.devices, device, channel}].push_back({backward, *source, op.mb});
      if (target && *target % e.devices != device)
        sent[{device, *target % e.devices, channel}].push_back({backward, op.vs, op.mb});
    }
  }
  return sent == received;
}

std::vector<int> peak_activations(const Schedule& schedule) {
  std::vector<int> peaks;
  for (const auto& ops : schedule) {
    int held = 0, peak = 0;
    for (const Op& op : ops) {
      if (op.kind == OpKind::F) peak = std::max(peak, ++held);
      if (op.kind == OpKind::W || op.kind == OpKind::BW) --held;
    }
    peaks.push_back(peak);
  }
  return peaks;
}

}  // namespace loongforge::schedule
