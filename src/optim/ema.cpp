// SPDX-License-Identifier: Apache-2.0
#include "loongforge/optim/ema.h"

namespace loongforge::optim {

void Ema::attach(std::span<step::FlatShard> shards) {
  shards_ = shards;
  for (step::FlatShard& shard : shards_) shard.state[kState] = shard.master.clone();
}

void Ema::update(const GradientDecision& decision) {
  const at::Tensor weight = decision.skip.neg().add_(1.0).mul_(1.0 - decay_);
  for (step::FlatShard& shard : shards_) {
    shard.state[kState].lerp_(shard.master, weight.to(shard.master.scalar_type()));
  }
}

void Ema::swap() {
  for (step::FlatShard& shard : shards_) {
    const at::Tensor average = shard.state[kState].clone();
    shard.state[kState].copy_(shard.master);
    shard.master.copy_(average);
  }
}

}  // namespace loongforge::optim
