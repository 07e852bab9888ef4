// SPDX-License-Identifier: Apache-2.0
// The parts of a ParamStore, shared by the sources that implement it.
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "loongforge/parallel/param_store.h"
#include "parallel/bucket.h"

namespace loongforge::parallel {

class UnitHooks;

struct ParamStore::Impl {
  Impl(const spec::ModelSpec& model, std::vector<int> owner, const spec::Mesh& mesh, StoreGroups groups, StorePolicy policy);
  ~Impl();

  const spec::ModelSpec& model;
  std::vector<int> owner;
  spec::Mesh mesh;
  StoreGroups groups;
  StorePolicy policy;
  std::vector<int> local_blocks;
  std::vector<std::unique_ptr<Entry>> entries;  ///< in block order
  std::map<std::string, Entry*, std::less<>> by_name;
  std::vector<std::unique_ptr<Bucket>> buckets;  ///< in the order of their reduction
  std::vector<step::FlatShard> shards;           ///< of the trainable buckets, in their order
  std::map<int64_t, comm::Group> shared_groups;  ///< by number of ranks that share rows of a tp unit
  std::map<std::vector<int>, comm::Group> tied_groups;  ///< by the stages that hold a tied parameter
  size_t next_bucket = 0;                        ///< the first whose reduction has not been launched
  std::unique_ptr<UnitHooks> unit_hooks;
  BlockHooks no_hooks;

  void make_entries();
  void make_shared_groups();
  void make_tied_groups();
  void make_buckets();
  void allocate(Bucket& bucket, size_t& next_shard);

  /// Reduces all ready buckets in their order, without waiting; `all`: also those that are not ready.
  void launch_ready(bool all);
  /// Completes `grad` over tp: what depends on ranks of a tensor-parallel region.
  void reduce_over_tp(Bucket& bucket);
  void launch(Bucket& bucket);
  /// Sums the gradients of tied parameters over the stages that hold them.
  void reduce_ties();
};

/// Local boxes that no logical element maps to.
std::vector<spec::Box> padding_boxes(const spec::LocalLayout& layout);
/// The part `box` of a tensor of the box's dimensions, as a view.
at::Tensor narrow_to(const at::Tensor& tensor, const spec::Box& box);
/// Assigns entries to buckets and offsets (systems §5); groups by element types, trainability, ties and, for sharded
/// gradients, by the blocks that use them.
std::vector<std::unique_ptr<Bucket>> plan_buckets(const std::vector<std::unique_ptr<Entry>>& entries, const StorePolicy& policy,
                                                  int dp_size, const std::map<std::string, comm::Group*>& tied);
/// Sets to zero what padding has gathered in a bucket's gradient.
void clear_padding(Bucket& bucket);
/// Fills the placed master values from their initialisers.
void draw_values(const std::vector<comm::PlacedBox>& boxes, uint64_t seed);

}  // namespace loongforge::parallel
