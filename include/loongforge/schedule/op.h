// SPDX-License-Identifier: Apache-2.0
// Pipeline schedules as data: for each device the list of operations it runs, in order (systems §4).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace loongforge::schedule {

/// F forward; B gradient of the inputs; W gradient of the weights; BW both at once.
enum class OpKind : uint8_t { F, B, W, BW };

struct Op {
  OpKind kind = OpKind::F;
  int vs = 0;  ///< virtual stage, 0 … p·v − 1; device vs mod p runs it as its chunk vs / p
  int mb = 0;  ///< microbatch
  friend bool operator==(const Op&, const Op&) = default;
};
constexpr bool is_backward(OpKind kind) { return kind == OpKind::B || kind == OpKind::BW; }
/// "F2.0": kind, microbatch, virtual stage.
std::string op_name(const Op& op);

/// Operations by device.
using Schedule = std::vector<std::vector<Op>>;

}  // namespace loongforge::schedule
