// SPDX-License-Identifier: Apache-2.0
// Completing gradients: contributions are counted, and buckets reduced strictly in their order.
#include <ATen/ops/cat.h>

#include "loongforge/core/error.h"
#include "parallel/store_impl.h"
#include "parallel/unit_hooks.h"

namespace loongforge::parallel {
namespace {

// Sums the views over the group in one collective. The copies back and forth cost less than a collective a view.
void reduce_views(const comm::Group& group, const std::vector<at::Tensor>& views) {
  if (views.empty() || group.size() == 1) return;
  std::vector<at::Tensor> flat;
  for (const at::Tensor& view : views) flat.push_back(view.reshape({-1}));
  at::Tensor joined = at::cat(flat);
  group.all_reduce(joined).wait();
  int64_t offset = 0;
  for (const at::Tensor& view : views) {
    view.copy_(joined.narrow(0, offset, view.numel()).view(view.sizes()));
    offset += view.numel();
  }
}

}  // namespace

void clear_padding(Bucket& bucket) {
  for (Entry* entry : bucket.entries) {
    for (const spec::Box& box : entry->padding) narrow_to(entry->view_of(bucket.grad), box).zero_();
  }
}

void ParamStore::Impl::reduce_over_tp(Bucket& bucket) {
  std::vector<at::Tensor> whole;
  std::map<int64_t, std::vector<at::Tensor>> shared;
  for (Entry* entry : bucket.entries) {
    if (entry->reduction == spec::TpReduction::none) continue;
    const at::Tensor grad = entry->view_of(bucket.grad);
    const spec::LocalLayout& layout = entry->param->layout();
    if (entry->reduction == spec::TpReduction::sum) whole.push_back(grad);
    if (entry->reduction != spec::TpReduction::sum_shared) continue;
    for (const spec::Box& box : layout.shared_boxes) shared[layout.shared_ranks].push_back(narrow_to(grad, box));
  }
  reduce_views(groups.tp, whole);
  for (const auto& [sharers, views] : shared) reduce_views(shared_groups.at(sharers), views);
}

void ParamStore::Impl::launch(Bucket& bucket) {
  clear_padding(bucket);
  reduce_over_tp(bucket);
  bucket.work = bucket.sharded_over_dp() ? groups.dp.reduce_scatter(bucket.shard->grad, bucket.grad)
                                         : groups.dp.all_reduce(bucket.grad);
}

void ParamStore::Impl::launch_ready(bool all) {
  for (; next_bucket < buckets.size(); ++next_bucket) {
    Bucket& bucket = *buckets[next_bucket];
    if (!bucket.trainable || bucket.grads_sharded) continue;
    LF_ASSERT(bucket.arrived <= bucket.expected, "{} gradient contributions where {} were expected (bucket of {})",
              bucket.arrived, bucket.expected, bucket.entries.front()->param->name());
    if (!all && bucket.arrived < bucket.expected) return;
    launch(bucket);
  }
}

// Stages list their ties in orders of their own; by name, all ranks of a group meet in the same parameter.
void ParamStore::Impl::reduce_ties() {
  std::map<std::string, Bucket*> tied;
  for (const auto& bucket : buckets) {
    if (bucket->trainable && bucket->tied.size() > 1) tied[bucket->entries.front()->param->name()] = bucket.get();
  }
  for (const auto& [name, bucket] : tied) bucket->tied.all_reduce(bucket->shard->grad).wait();
}

void ParamStore::begin_step(int microbatches) {
  Impl& store = *impl_;
  store.next_bucket = 0;
  for (const auto& bucket : store.buckets) {
    if (!bucket->trainable) continue;
    bucket->arrived = bucket->expected = 0;
    for (const Entry* entry : bucket->entries) bucket->expected += int64_t{microbatches} * entry->param->uses();
    if (bucket->grad.defined()) bucket->grad.zero_();
    if (bucket->grads_sharded) bucket->shard->grad.zero_();
  }
}

void ParamStore::finish_gradients() {
  Impl& store = *impl_;
  store.unit_hooks->flush();
  store.launch_ready(true);
  for (const auto& bucket : store.buckets) {
    bucket->work.wait();
    bucket->work = comm::Work();
  }
  store.reduce_ties();
}

void ParamStore::refresh_weights() {
  for (const step::FlatShard& shard : impl_->shards) {
    if (!shard.master.is_alias_of(shard.weight)) shard.weight.copy_(shard.master);
  }
  publish_weights();
}

void ParamStore::publish_weights() {
  std::vector<comm::Work> pending;
  for (const auto& bucket : impl_->buckets) {
    if (!bucket->sharded_over_dp() || bucket->weights_sharded) continue;
    pending.push_back(impl_->groups.dp.all_gather(bucket->weight, bucket->weight_part.clone()));
  }
  for (comm::Work& work : pending) work.wait();
}

}  // namespace loongforge::parallel
