// SPDX-License-Identifier: Apache-2.0
#include "loongforge/parallel/param_store.h"

#include <ATen/ops/zeros.h>

#include <algorithm>

#include "loongforge/core/error.h"
#include "parallel/store_impl.h"
#include "parallel/unit_hooks.h"

namespace loongforge::parallel {
namespace {

bool cut_over_tp(const spec::ParamSpec& spec) {
  return std::any_of(spec.shards.begin(), spec.shards.end(), [](const spec::Shard& s) { return s.axis == spec::Axis::tp; });
}

// Neighbouring segments that are stepped alike become one; what lies between them is padding.
void add_segment(std::vector<step::FlatSegment>& segments, step::FlatSegment segment) {
  if (segment.begin >= segment.end) return;
  if (!segments.empty() && segments.back().lr_scale == segment.lr_scale &&
      segments.back().weight_decay == segment.weight_decay) {
    segments.back().end = segment.end;
  } else {
    segments.push_back(segment);
  }
}

std::vector<step::FlatSegment> segments_of(const Bucket& bucket) {
  std::vector<step::FlatSegment> segments;
  const int64_t last = bucket.own.begin + bucket.own.count;
  for (const Entry* entry : bucket.entries) {
    const spec::ParamGroup& group = entry->param->spec().group;
    const int64_t begin = std::max(entry->offset, bucket.own.begin), end = std::min(entry->offset + entry->count, last);
    add_segment(segments, {begin - bucket.own.begin, end - bucket.own.begin, group.lr_scale, group.weight_decay});
  }
  return segments;
}

// The stages that use each parameter name of the model.
std::map<std::string, std::vector<int>> stages_by_name(const spec::ModelSpec& model, const std::vector<int>& owner) {
  std::map<std::string, std::vector<int>> stages;
  for (size_t b = 0; b < model.blocks.size(); ++b) {
    for (const spec::ParamSpec& spec : model.blocks[b].params) {
      std::vector<int>& of = stages[spec.name];
      if (std::find(of.begin(), of.end(), owner[b]) == of.end()) of.push_back(owner[b]);
    }
  }
  for (auto& [name, of] : stages) std::sort(of.begin(), of.end());
  return stages;
}

}  // namespace

ParamStore::Impl::Impl(const spec::ModelSpec& model_in, std::vector<int> owner_in, const spec::Mesh& mesh_in,
                       StoreGroups groups_in, StorePolicy policy_in)
    : model(model_in), owner(std::move(owner_in)), mesh(mesh_in), groups(std::move(groups_in)), policy(policy_in) {
  if (policy.zero < 0 || policy.zero > 3) {
    throw ConfigError(fmt::format("parallel.zero is {}", policy.zero), "choose 0, 1, 2 or 3");
  }
  LF_ASSERT(owner.size() == model.blocks.size(), "{} owners for {} blocks", owner.size(), model.blocks.size());
  if (groups.dp.size() == 1) policy.zero = 0;
  const int stage = mesh.index(spec::Axis::pp);
  for (size_t b = 0; b < owner.size(); ++b) {
    if (owner[b] == stage) local_blocks.push_back(static_cast<int>(b));
  }
  make_entries();
  make_shared_groups();
  make_tied_groups();
  make_buckets();
  unit_hooks = std::make_unique<UnitHooks>(*this);
}

ParamStore::Impl::~Impl() = default;

void ParamStore::Impl::make_entries() {
  for (int block : local_blocks) {
    for (const spec::ParamSpec& spec : model.blocks[block].params) {
      Entry*& entry = by_name[spec.name];
      if (entry == nullptr) {
        entry = entries.emplace_back(std::make_unique<Entry>()).get();
        spec::LocalLayout layout = spec::local_layout(spec, mesh);
        entry->count = spec::numel(layout.shape);
        entry->padding = padding_boxes(layout);
        entry->reduction = spec::tp_reduction(spec, mesh, policy.sequence_parallel);
        entry->counted = cut_over_tp(spec) || mesh.index(spec::Axis::tp) == 0;
        entry->param = std::make_unique<step::Param>(spec, std::move(layout));
        entry->param->bind(entry);
        entry->param->set_uses(0);
      }
      entry->param->set_uses(entry->param->uses() + 1);
      if (entry->blocks.empty() || entry->blocks.back() != block) entry->blocks.push_back(block);
    }
  }
}

void ParamStore::Impl::make_shared_groups() {
  for (const auto& entry : entries) {
    const int64_t sharers = entry->param->layout().shared_ranks;
    if (entry->reduction != spec::TpReduction::sum_shared || shared_groups.count(sharers) != 0) continue;
    for (int64_t first = 0; first < groups.tp.size(); first += sharers) {
      std::vector<int> members;
      for (int64_t r = first; r < first + sharers; ++r) members.push_back(static_cast<int>(r));
      comm::Group group = groups.tp.split(members, fmt::format("tp_shared{}", sharers));
      if (groups.tp.rank() >= first && groups.tp.rank() < first + sharers) shared_groups.emplace(sharers, group);
    }
  }
}

void ParamStore::Impl::make_tied_groups() {
  const int stage = mesh.index(spec::Axis::pp);
  for (const auto& [name, stages] : stages_by_name(model, owner)) {
    if (stages.size() < 2) continue;
    const bool mine = std::find(stages.begin(), stages.end(), stage) != stages.end();
    if (tied_groups.count(stages) == 0) tied_groups.emplace(stages, groups.pp.split(stages, "tied"));
    if (mine && stage != stages.front()) by_name.at(name)->counted = false;
  }
}

void ParamStore::Impl::make_buckets() {
  std::map<std::string, comm::Group*> tied;
  for (const auto& [name, stages] : stages_by_name(model, owner)) {
    if (stages.size() > 1 && by_name.count(name) != 0) tied[name] = &tied_groups.at(stages);
  }
  buckets = plan_buckets(entries, policy, groups.dp.size(), tied);
  size_t trainable = 0;
  for (const auto& bucket : buckets) trainable += bucket->trainable;
  shards.resize(trainable);
  size_t next_shard = 0;
  for (const auto& bucket : buckets) {
    allocate(*bucket, next_shard);
    if (bucket->trainable) bucket->on_contribution = [this] { if (policy.overlap) launch_ready(false); };
  }
}

void ParamStore::Impl::allocate(Bucket& bucket, size_t& next_shard) {
  const int64_t part = bucket.size / groups.dp.size();
  const FlatRange mine{part * groups.dp.rank(), part};
  bucket.weights_sharded = policy.zero >= 3;
  bucket.grads_sharded = policy.zero >= 2;
  const bool sharded = bucket.trainable ? policy.zero >= 1 : bucket.weights_sharded;
  bucket.own = sharded ? mine : FlatRange{0, bucket.size};
  const auto options = at::TensorOptions().device(policy.device);
  if (bucket.weights_sharded) {
    bucket.weight_part = at::zeros({bucket.own.count}, options.dtype(bucket.weight_dtype));
  } else {
    bucket.weight = at::zeros({bucket.size}, options.dtype(bucket.weight_dtype));
    bucket.weight_part = bucket.weight.narrow(0, bucket.own.begin, bucket.own.count);
    bucket.bind_views();
  }
  if (!bucket.trainable) return;
  step::FlatShard& shard = shards[next_shard++];
  bucket.shard = &shard;
  shard.weight = bucket.weight_part;
  const bool alias = bucket.master_dtype == bucket.weight_dtype;
  shard.master = alias ? shard.weight : at::zeros({bucket.own.count}, options.dtype(bucket.master_dtype));
  if (!bucket.grads_sharded) bucket.grad = at::zeros({bucket.size}, options.dtype(bucket.grad_dtype));
  shard.grad = sharded ? at::zeros({bucket.own.count}, options.dtype(bucket.grad_dtype)) : bucket.grad;
  shard.segments = segments_of(bucket);
}

ParamStore::ParamStore(const spec::ModelSpec& model, std::vector<int> owner, const spec::Mesh& mesh, StoreGroups groups,
                       StorePolicy policy)
    : impl_(std::make_unique<Impl>(model, std::move(owner), mesh, std::move(groups), policy)) {}
ParamStore::~ParamStore() = default;

const std::vector<int>& ParamStore::local_blocks() const { return impl_->local_blocks; }
const StorePolicy& ParamStore::policy() const { return impl_->policy; }
const spec::Mesh& ParamStore::mesh() const { return impl_->mesh; }
std::span<step::FlatShard> ParamStore::shards() { return impl_->shards; }

BlockHooks* ParamStore::hooks() {
  if (impl_->policy.zero < 2) return &impl_->no_hooks;
  return impl_->unit_hooks.get();
}

std::vector<step::Param*> ParamStore::params_of(int block) const {
  std::vector<step::Param*> result;
  for (const spec::ParamSpec& spec : impl_->model.blocks.at(block).params) {
    const auto found = impl_->by_name.find(spec.name);
    LF_ASSERT(found != impl_->by_name.end(), "block {} is not on this rank", block);
    result.push_back(found->second->param.get());
  }
  return result;
}

std::vector<step::Param*> ParamStore::params() const {
  std::vector<step::Param*> result;
  for (const auto& entry : impl_->entries) result.push_back(entry->param.get());
  return result;
}

step::Param* ParamStore::find(std::string_view name) const {
  const auto found = impl_->by_name.find(name);
  return found == impl_->by_name.end() ? nullptr : found->second->param.get();
}

StoreBytes ParamStore::bytes() const {
  StoreBytes total;
  for (const auto& bucket : impl_->buckets) {
    total.weights += static_cast<int64_t>((bucket->weights_sharded ? bucket->weight_part : bucket->weight).nbytes());
    if (!bucket->trainable) continue;
    const step::FlatShard& shard = *bucket->shard;
    total.gradients += static_cast<int64_t>(shard.grad.nbytes());
    if (bucket->grad.defined() && !bucket->grad.is_same(shard.grad)) total.gradients += static_cast<int64_t>(bucket->grad.nbytes());
    if (!shard.master.is_alias_of(shard.weight)) total.masters += static_cast<int64_t>(shard.master.nbytes());
    for (const auto& [name, state] : shard.state) total.optimizer += static_cast<int64_t>(state.nbytes());
  }
  return total;
}

}  // namespace loongforge::parallel
