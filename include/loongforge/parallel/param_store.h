// SPDX-License-Identifier: Apache-2.0
// ParamStore: the values, gradients and optimizer shards of all parameters of one rank, in flat buckets (systems §5).
// Replicated data parallelism and ZeRO-1, 2, 3 are one machinery with different lifetimes of the same buffers.
#pragma once
#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "loongforge/comm/group.h"
#include "loongforge/comm/placed_box.h"
#include "loongforge/core/dtype.h"
#include "loongforge/parallel/block_hooks.h"
#include "loongforge/spec/mesh.h"
#include "loongforge/spec/model_spec.h"
#include "loongforge/step/flat_shard.h"
#include "loongforge/step/param.h"

namespace loongforge::parallel {

/// The groups that a store reduces over. `dp` spans the data and context axes; `world` all ranks.
struct StoreGroups {
  comm::Group tp, dp, pp, world;
};

struct StorePolicy {
  Dtype compute = Dtype::f32;
  std::optional<Dtype> grad;    ///< default acc(compute)
  std::optional<Dtype> master;  ///< default acc(compute)
  /// 0 replicated; 1 masters and optimizer states sharded; 2 gradients too; 3 weights too (gathered around each block).
  int zero = 0;
  int64_t bucket_bytes = 160'000'000;  ///< of gradients; a bucket closes when it reaches this (zero ≤ 1)
  bool overlap = true;                 ///< reduce full buckets while the backward pass goes on
  bool sequence_parallel = false;
  c10::Device device = c10::Device(c10::kCPU);
};

/// Bytes held on this rank, by use. Gathered ZeRO-3 weights and gradient units in flight are not included.
struct StoreBytes {
  int64_t weights = 0, gradients = 0, masters = 0, optimizer = 0;
};

/// Call order of a training step: begin_step → forward/backward (executor, with hooks()) → finish_gradients →
/// gradient_norm → optimizer steps shards() → publish_weights.
class ParamStore {
 public:
  /// Makes one Param for each distinct name of the blocks with owner[i] == this rank's pp coordinate (owner: one entry per
  /// block of `model`). Collective: every rank of tp and pp calls it. `model` must outlive the store.
  /// Throws ConfigError for a policy out of range or a shard that does not fit the mesh.
  ParamStore(const spec::ModelSpec& model, std::vector<int> owner, const spec::Mesh& mesh, StoreGroups groups,
             StorePolicy policy);
  ~ParamStore();
  ParamStore(const ParamStore&) = delete;
  ParamStore& operator=(const ParamStore&) = delete;

  /// Indices in ModelSpec::blocks of this rank's blocks, ascending.
  const std::vector<int>& local_blocks() const;
  /// The handles of a local block in the order of BlockSpec::params.
  std::vector<step::Param*> params_of(int block) const;
  /// Every distinct local parameter, in block order.
  std::vector<step::Param*> params() const;
  /// nullptr when no local block has it.
  step::Param* find(std::string_view name) const;

  /// Draws all values from (seed, published name, element index), so they don't depend on the layout, and publishes them.
  void initialise(uint64_t seed);
  /// Casts masters to weights after they were loaded or changed by hand, and gathers them over dp. Collective over dp.
  void refresh_weights();
  /// Gathers the weights that the optimizer has written into FlatShard::weight. Collective over dp.
  void publish_weights();

  /// Zeroes the gradients and expects `microbatches` × uses contributions per parameter.
  void begin_step(int microbatches);
  /// Reduces what is still open (parameters without contributions included), sums tied copies over the stages that hold
  /// them, waits. Afterwards FlatShard::grad is complete. Collective over tp, dp and the tied groups.
  void finish_gradients();
  /// Global L2 norm over the distinct elements, accumulated in fp64; a device scalar. Collective over the world.
  at::Tensor gradient_norm();
  /// Same, without the root and without the reduction over ranks: this rank's part.
  at::Tensor local_square_sum();

  /// What the optimizer steps; stable addresses, states live inside.
  std::span<step::FlatShard> shards();

  /// Boxes of logical tensors in this rank's memory. "master": master values (weights, for frozen parameters); "grad": complete
  /// after finish_gradients; any other name: an optimizer state (empty if there is none yet). Padding is excluded.
  /// Writing into the boxes of "master" must be followed by refresh_weights().
  std::vector<comm::PlacedBox> placed(const comm::StateKey& key);

  /// Gathers and frees the units of ZeRO-2 and 3 around blocks; does nothing for zero ≤ 1. Never null.
  BlockHooks* hooks();

  const StorePolicy& policy() const;
  const spec::Mesh& mesh() const;
  StoreBytes bytes() const;

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace loongforge::parallel
