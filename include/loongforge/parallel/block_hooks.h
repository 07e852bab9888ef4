// SPDX-License-Identifier: Apache-2.0
// BlockHooks: what happens at the borders of a block, in one place: gathering and freeing sharded weights, timing, offload.
#pragma once
#include <cstdint>

namespace loongforge::parallel {

/// Called by the executor around each block of this rank, in the same order on all ranks that share the block's
/// data-parallel group. `block` is the index in ModelSpec::blocks. A recomputed forward lies inside the backward pair.
class BlockHooks {
 public:
  virtual ~BlockHooks() = default;
  virtual void before_forward(int64_t block) { (void)block; }
  virtual void after_forward(int64_t block) { (void)block; }
  virtual void before_backward(int64_t block) { (void)block; }
  virtual void after_backward(int64_t block) { (void)block; }
};

}  // namespace loongforge::parallel
