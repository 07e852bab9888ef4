// SPDX-License-Identifier: Apache-2.0
#include "loongforge/train/stage.h"

#include <algorithm>
#include <set>

#include "loongforge/core/error.h"
#include "loongforge/core/text.h"
#include "loongforge/ops/attention.h"
#include "loongforge/parallel/freeze.h"
#include "loongforge/parallel/region.h"
#include "loongforge/schedule/generators.h"
#include "loongforge/spec/placement.h"

namespace loongforge::train {

namespace {

comm::Group group_along(const spec::Mesh& mesh, const comm::Group& world, std::vector<spec::Axis> axes,
                        const std::string& name) {
  comm::Group mine;
  for (const auto& members : mesh.all_groups(axes)) {
    if (members.size() < 2) continue;
    comm::Group group = world.split(members, name);
    if (std::find(members.begin(), members.end(), mesh.rank()) != members.end()) mine = group;
  }
  return mine;
}

std::vector<int> owners(const std::vector<pipeline::Stage>& stages) {
  std::vector<int> owner;
  for (const auto& stage : stages) owner.insert(owner.end(), stage.end - stage.begin, stage.owner);
  return owner;
}

const nn::BlockFactory& block_factory(const nn::ModelFactory& factory, const spec::BlockSpec& block) {
  const auto found = factory.blocks.find(block.kind);
  if (found != factory.blocks.end()) return found->second;
  std::vector<std::string> kinds;
  for (const auto& [kind, unused] : factory.blocks) kinds.push_back(kind);
  throw ConfigError(fmt::format("block {} is of kind `{}`, which has no factory", block.name, block.kind),
                    fmt::format("registered kinds: {}", join_names(kinds)));
}

}  // namespace

MeshGroups make_groups(const spec::Mesh& mesh, const comm::Group& world) {
  using spec::Axis;
  MeshGroups groups;
  groups.world = world;
  groups.tp = group_along(mesh, world, {Axis::tp}, "tp");
  groups.dp = group_along(mesh, world, {Axis::cp, Axis::dp}, "dp");
  groups.pp = group_along(mesh, world, {Axis::pp}, "pp");
  return groups;
}

ModelStage::ModelStage(spec::ModelSpec model, const nn::ModelFactory& factory, const spec::Mesh& mesh,
                       MeshGroups groups, StageOptions options)
    : model_(std::make_unique<spec::ModelSpec>(std::move(model))), mesh_(mesh), groups_(std::move(groups)),
      options_(std::move(options)) {
  if (options_.lora) parallel::add_lora(*model_, *options_.lora);
  if (!options_.freeze.empty()) parallel::freeze_parameters(*model_, options_.freeze);
  place();
  store_ = std::make_unique<parallel::ParamStore>(
      *model_, owners(stages_), mesh_,
      parallel::StoreGroups{groups_.tp, groups_.dp, groups_.pp, groups_.world}, options_.store);
  if (options_.lora) parallel::attach_lora(*model_, *options_.lora, *store_);
  build_blocks(factory);
}

ModelStage::~ModelStage() = default;

void ModelStage::place() {
  const int pp = mesh_.size(spec::Axis::pp);
  int owner = 0;
  for (const auto& [begin, end] : spec::place_blocks(model_->blocks, pp)) stages_.push_back({begin, end, owner++});
}

void ModelStage::build_blocks(const nn::ModelFactory& factory) {
  pipeline::ExecutorSetup setup;
  std::set<std::string> components;
  for (int index : store_->local_blocks()) {
    const spec::BlockSpec& spec = model_->blocks[static_cast<size_t>(index)];
    auto params = store_->params_of(index);
    setup.blocks.push_back({&spec, block_factory(factory, spec)(spec, *model_, params), params});
    components.insert(spec.component);
  }
  components.insert("");
  for (const auto& component : components) {
    regions_.push_back(parallel::make_region(groups_.tp, options_.store.sequence_parallel));
    engines_.push_back(std::make_unique<ops::LocalAttention>());
    setup.seams[component] = {regions_.back().get(), engines_.back().get(), nullptr};
  }
  setup.model = model_.get();
  setup.stages = stages_;
  setup.pp = groups_.pp;
  setup.hooks = {store_->hooks()};
  setup.recompute = options_.recompute;
  setup.device = options_.store.device;
  executor_ = std::make_unique<pipeline::Executor>(std::move(setup));
}

std::vector<pipeline::Op> ModelStage::operations(int microbatches, bool forward_only) const {
  const int pp = mesh_.size(spec::Axis::pp), stage = mesh_.index(spec::Axis::pp);
  std::vector<pipeline::Op> ops;
  if (forward_only) {
    for (int m = 0; m < microbatches; ++m) ops.push_back({pipeline::OpKind::forward, stage, m});
    return ops;
  }
  if (pp == 1) return pipeline::one_stage_ops(microbatches);
  const auto lists = schedule::one_f_one_b(pp, microbatches);
  for (const auto& op : lists[static_cast<size_t>(stage)]) {
    const bool forward = op.kind == schedule::OpKind::F;
    ops.push_back({forward ? pipeline::OpKind::forward : pipeline::OpKind::backward, op.vs, op.mb});
  }
  return ops;
}

int64_t ModelStage::trainable_count() const {
  int64_t count = 0;
  for (const auto* param : model_->distinct_params()) {
    if (param->update == spec::Update::gradient) count += spec::numel(param->logical_shape);
  }
  return count;
}

}  // namespace loongforge::train
