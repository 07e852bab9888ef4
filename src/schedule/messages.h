// SPDX-License-Identifier: Apache-2.0
// Which operation feeds which: the dependencies that cross virtual stages.
#pragma once
#include <algorithm>
#include <optional>
#include <vector>

#include "loongforge/schedule/op.h"

namespace loongforge::schedule {

/// Extents found in a schedule itself.
struct Extents {
  int devices = 0, stages = 0, microbatches = 0;
};

inline Extents extents(const Schedule& schedule) {
  Extents e{static_cast<int>(schedule.size()), 0, 0};
  for (const auto& ops : schedule) {
    for (const Op& op : ops) {
      e.stages = std::max(e.stages, op.vs + 1);
      e.microbatches = std::max(e.microbatches, op.mb + 1);
    }
  }
  return e;
}

/// The virtual stage whose output `op` needs: vs − 1 for a forward, vs + 1 for a backward, none at the ends and for W.
inline std::optional<int> source_stage(const Op& op, int stages) {
  if (op.kind == OpKind::F && op.vs > 0) return op.vs - 1;
  if (is_backward(op.kind) && op.vs + 1 < stages) return op.vs + 1;
  return std::nullopt;
}

/// The virtual stage that needs the output of `op`.
inline std::optional<int> target_stage(const Op& op, int stages) {
  if (op.kind == OpKind::F && op.vs + 1 < stages) return op.vs + 1;
  if (is_backward(op.kind) && op.vs > 0) return op.vs - 1;
  return std::nullopt;
}

/// Table by (forward or backward, virtual stage, microbatch).
template <class T>
class ByMessage {
 public:
  ByMessage(const Extents& e, T initial)
      : e_(e), values_(static_cast<size_t>(2 * e.stages * e.microbatches), initial) {}
  T& at(bool backward, int vs, int mb) {
    return values_.at(static_cast<size_t>(((backward ? e_.stages : 0) + vs) * e_.microbatches + mb));
  }

 private:
  Extents e_;
  std::vector<T> values_;
};

}  // namespace loongforge::schedule
