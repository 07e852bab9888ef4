// SPDX-License-Identifier: Apache-2.0
// Entry: one parameter's place in a flat bucket. Bucket: parameters that are reduced, stepped and gathered together.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "loongforge/comm/group.h"
#include "loongforge/step/flat_shard.h"
#include "loongforge/step/param.h"

namespace loongforge::parallel {

struct Bucket;

/// The storage behind one Param: a slice of its bucket.
class Entry final : public step::ParamStorage {
 public:
  const at::Tensor& weight() override;
  at::Tensor main_grad() override;
  void contributed() override;

  /// The part of a bucket-sized flat tensor that is this parameter, in its local shape.
  at::Tensor view_of(const at::Tensor& flat) const;

  std::unique_ptr<step::Param> param;
  Bucket* bucket = nullptr;
  int64_t offset = 0, count = 0;  ///< elements in the bucket
  spec::TpReduction reduction = spec::TpReduction::none;
  std::vector<spec::Box> padding;  ///< local boxes that hold no logical element
  std::vector<int> blocks;         ///< local blocks that use it
  bool counted = true;             ///< this rank's copy enters the gradient norm
  at::Tensor weight_view;          ///< undefined while a sharded weight is not gathered
};

/// Elements [begin, begin + count) of a flat tensor.
struct FlatRange {
  int64_t begin = 0, count = 0;
};

struct Bucket {
  std::vector<Entry*> entries;
  at::ScalarType weight_dtype{}, grad_dtype{}, master_dtype{};
  bool trainable = true;
  int64_t size = 0;            ///< padded elements
  FlatRange own;               ///< the range whose masters and gradients this rank keeps
  bool weights_sharded = false;
  bool grads_sharded = false;
  comm::Group tied;            ///< ranks of other stages that hold the same parameters
  std::vector<int> blocks;     ///< local blocks that use any of it

  at::Tensor weight;           ///< [size]; undefined between gathers when sharded
  at::Tensor weight_part;      ///< the own range of the weights (a view of `weight` unless sharded)
  at::Tensor grad;             ///< [size]; undefined when not materialised
  step::FlatShard* shard = nullptr;  ///< of trainable buckets

  int64_t expected = 0, arrived = 0;  ///< contributions in this step
  comm::Work work, gather;            ///< the reduction and the gathering under way
  int gathered_for = 0;               ///< blocks between whose borders the weights are needed now
  std::function<void()> on_contribution;

  /// Allocates the gradient buffer as zeros if there is none.
  void materialise_grad();
  /// Points the entries' weight views at `weight`.
  void bind_views();
  void drop_views();
  bool sharded_over_dp() const { return own.count < size; }
};

}  // namespace loongforge::parallel
