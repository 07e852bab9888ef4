// SPDX-License-Identifier: Apache-2.0
// What one rank holds of a model: its groups, parameters, blocks with their seams injected, and the executor over them.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "loongforge/comm/group.h"
#include "loongforge/nn/block.h"
#include "loongforge/parallel/lora.h"
#include "loongforge/parallel/param_store.h"
#include "loongforge/pipeline/executor.h"
#include "loongforge/spec/mesh.h"
#include "loongforge/spec/model_spec.h"

namespace loongforge::train {

/// The groups of a rank, created over the world in one order on every rank.
struct MeshGroups {
  comm::Group world, tp, dp, pp;
};
/// Collective over the world.
MeshGroups make_groups(const spec::Mesh& mesh, const comm::Group& world);

struct StageOptions {
  parallel::StorePolicy store;
  pipeline::Recompute recompute;
  std::vector<std::string> freeze;          ///< patterns over published names
  std::optional<parallel::LoraConfig> lora;
};

class ModelStage {
 public:
  /// Builds this rank's part of `model` with uninitialised values. Collective over the world.
  /// Throws ConfigError when the layout doesn't fit the model or a block kind has no factory.
  ModelStage(spec::ModelSpec model, const nn::ModelFactory& factory, const spec::Mesh& mesh, MeshGroups groups,
             StageOptions options);
  ~ModelStage();

  const spec::ModelSpec& model() const { return *model_; }
  const spec::Mesh& mesh() const { return mesh_; }
  const MeshGroups& groups() const { return groups_; }
  const StageOptions& options() const { return options_; }
  parallel::ParamStore& store() { return *store_; }
  pipeline::Executor& executor() { return *executor_; }
  /// This rank's operations for a step of `microbatches`.
  std::vector<pipeline::Op> operations(int microbatches, bool forward_only) const;
  /// Parameters of the whole model that training changes.
  int64_t trainable_count() const;

 private:
  void place();
  void build_blocks(const nn::ModelFactory& factory);

  std::unique_ptr<spec::ModelSpec> model_;
  spec::Mesh mesh_;
  MeshGroups groups_;
  StageOptions options_;
  std::vector<pipeline::Stage> stages_;
  std::vector<std::unique_ptr<step::RegionComm>> regions_;
  std::vector<std::unique_ptr<step::AttentionEngine>> engines_;
  std::vector<std::unique_ptr<step::TokenDispatcher>> dispatchers_;
  std::unique_ptr<parallel::ParamStore> store_;
  std::unique_ptr<pipeline::Executor> executor_;
};

}  // namespace loongforge::train
