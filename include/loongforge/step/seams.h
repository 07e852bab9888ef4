// SPDX-License-Identifier: Apache-2.0
// The seams: the only places where models meet other ranks. Interfaces and one-rank forms; parallel/ implements the rest.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "loongforge/comm/group.h"

namespace loongforge::step {

class MicroBatch;

/// Borders of a tensor-parallel region, with or without sequence parallelism. x is [rows, width]. Differentiable.
class RegionComm {
 public:
  virtual ~RegionComm() = default;
  virtual int size() const { return 1; }
  virtual int rank() const { return 0; }
  virtual bool sequence_parallel() const { return false; }
  /// Into a region (before column-parallel ops). Forward identity, backward all-reduce; with SP all-gather / reduce-scatter.
  virtual at::Tensor enter(const at::Tensor& x) { return x; }
  /// Out of a region: sums the ranks' partial results. Forward all-reduce, backward identity; with SP reduce-scatter / all-gather.
  virtual at::Tensor leave(const at::Tensor& partial) { return partial; }
  /// A per-row quantity that is whole on every rank → this rank's sequence shard (identity without SP). Not differentiable.
  virtual at::Tensor shard_rows(const at::Tensor& x) { return x; }
  /// In-place reductions over the region for vocabulary-parallel and whole-width statistics. Not differentiable.
  virtual void all_reduce_sum(at::Tensor) {}
  virtual void all_reduce_max(at::Tensor) {}
};

struct AttentionOptions {
  double scale = 1.0;
  bool causal = true;
  int64_t window = 0;  ///< 0: none; else a query sees the last `window` keys, itself included
  int64_t layer = -1;  ///< BlockSpec::layer of the caller: engines with a memory (key-value caches) tell layers apart by it
};

/// Attention over packed documents. q [rows, heads, head_dim], k and v [rows, kv_heads, head_dim], document borders from the
/// batch's host list `cu_seqlens`; returns [rows, heads, head_dim]. Differentiable. Query head h uses kv head h / (heads/kv_heads).
class AttentionEngine {
 public:
  virtual ~AttentionEngine() = default;
  virtual at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const MicroBatch& batch,
                            const AttentionOptions& options) = 0;
};

/// Routes rows to experts and back.
class TokenDispatcher {
 public:
  struct Dispatched {
    at::Tensor rows;                       ///< [received, width], grouped by local expert
    std::vector<int64_t> rows_per_expert;  ///< per local expert
    std::shared_ptr<void> handle;          ///< what combine needs
  };
  virtual ~TokenDispatcher() = default;
  /// x [rows, width]; expert_ids int64 [rows, k]. Differentiable in x.
  virtual Dispatched dispatch(const at::Tensor& x, const at::Tensor& expert_ids, int64_t experts) = 0;
  /// expert_out [received, width]; weights [rows, k]; returns [rows, width]. Differentiable in both.
  virtual at::Tensor combine(const at::Tensor& expert_out, const at::Tensor& weights, const Dispatched& dispatched) = 0;
};

struct Seams {
  RegionComm* region = nullptr;
  AttentionEngine* attention = nullptr;
  TokenDispatcher* dispatcher = nullptr;
};

/// The region of `seams`, or the one-rank form when it is unset.
RegionComm& region_of(const Seams& seams);

}  // namespace loongforge::step
