// SPDX-License-Identifier: Apache-2.0
// ZeRO-2 and 3: the weights and gradients of a unit (the parameters of one block) live only around that block.
#pragma once
#include <deque>

#include "loongforge/parallel/block_hooks.h"
#include "parallel/store_impl.h"

namespace loongforge::parallel {

class UnitHooks final : public BlockHooks {
 public:
  explicit UnitHooks(ParamStore::Impl& store) : store_(store) {}
  void before_forward(int64_t block) override;
  void after_forward(int64_t block) override;
  void before_backward(int64_t block) override;
  void after_backward(int64_t block) override;
  /// Adds the results of all reductions under way to the gradient shards.
  void flush();

 private:
  struct Reduction {
    Bucket* bucket;
    at::Tensor part, unit;  ///< the result, and the buffer it comes from, kept until done
    comm::Work work;
  };
  void acquire(int64_t block);
  void release(int64_t block);
  void start_gather(Bucket& bucket);
  void prefetch(int64_t block);
  void reduce(Bucket& bucket);
  void drain(size_t keep);

  ParamStore::Impl& store_;
  std::deque<Reduction> reductions_;
};

}  // namespace loongforge::parallel
