// SPDX-License-Identifier: Apache-2.0
// Exponential moving average of masters, kept inside the shards as the state "ema".
#pragma once
#include <span>

#include "loongforge/optim/optimizer.h"
#include "loongforge/step/flat_shard.h"

namespace loongforge::optim {

class Ema {
 public:
  explicit Ema(double decay) : decay_(decay) {}
  static constexpr const char* kState = "ema";
  /// Starts from the masters as they are.
  void attach(std::span<step::FlatShard> shards);
  /// ema ← decay·ema + (1−decay)·master; unchanged when decision.skip is 1.
  void update(const GradientDecision& decision);
  /// Exchanges masters and averages (evaluation, export); call again to undo. Follow with ParamStore::refresh_weights.
  void swap();

 private:
  double decay_;
  std::span<step::FlatShard> shards_;
};

}  // namespace loongforge::optim
