// SPDX-License-Identifier: Apache-2.0
#include "parallel/unit_hooks.h"

#include <ATen/ops/empty.h>

#include <algorithm>

#include "loongforge/core/error.h"

namespace loongforge::parallel {
namespace {

constexpr size_t kReductionsInFlight = 2;

bool uses(const Bucket& bucket, int64_t block) {
  return std::find(bucket.blocks.begin(), bucket.blocks.end(), block) != bucket.blocks.end();
}

}  // namespace

void UnitHooks::start_gather(Bucket& bucket) {
  if (!bucket.weights_sharded || bucket.weight.defined()) return;
  bucket.weight = at::empty({bucket.size}, bucket.weight_part.options());
  bucket.gather = store_.groups.dp.all_gather(bucket.weight, bucket.weight_part);
}

void UnitHooks::acquire(int64_t block) {
  for (const auto& bucket : store_.buckets) {
    if (!bucket->weights_sharded || !uses(*bucket, block)) continue;
    start_gather(*bucket);
    bucket->gather.wait();
    bucket->gather = comm::Work();
    if (bucket->gathered_for++ == 0) bucket->bind_views();
  }
}

void UnitHooks::release(int64_t block) {
  for (const auto& bucket : store_.buckets) {
    if (!bucket->weights_sharded || !uses(*bucket, block)) continue;
    if (--bucket->gathered_for > 0) continue;
    bucket->drop_views();
    bucket->weight = at::Tensor();
  }
}

void UnitHooks::prefetch(int64_t block) {
  const auto& local = store_.local_blocks;
  if (!store_.policy.overlap || std::find(local.begin(), local.end(), block) == local.end()) return;
  for (const auto& bucket : store_.buckets) {
    if (uses(*bucket, block)) start_gather(*bucket);
  }
}

void UnitHooks::before_forward(int64_t block) {
  acquire(block);
  prefetch(block + 1);
}

void UnitHooks::after_forward(int64_t block) { release(block); }

void UnitHooks::before_backward(int64_t block) {
  acquire(block);
  prefetch(block - 1);
}

void UnitHooks::after_backward(int64_t block) {
  release(block);
  for (const auto& bucket : store_.buckets) {
    if (bucket->trainable && uses(*bucket, block)) reduce(*bucket);
  }
  drain(store_.policy.overlap ? kReductionsInFlight : 0);
}

void UnitHooks::reduce(Bucket& bucket) {
  bucket.materialise_grad();
  clear_padding(bucket);
  store_.reduce_over_tp(bucket);
  at::Tensor part = at::empty({bucket.own.count}, bucket.grad.options());
  comm::Work work = store_.groups.dp.reduce_scatter(part, bucket.grad);
  reductions_.push_back({&bucket, std::move(part), std::move(bucket.grad), std::move(work)});
  bucket.grad = at::Tensor();
}

void UnitHooks::drain(size_t keep) {
  while (reductions_.size() > keep) {
    Reduction& oldest = reductions_.front();
    oldest.work.wait();
    oldest.bucket->shard->grad.add_(oldest.part);
    reductions_.pop_front();
  }
}

void UnitHooks::flush() { drain(0); }

}  // namespace loongforge::parallel
