// SPDX-License-Identifier: Apache-2.0
// Param: the handle that layers hold instead of a tensor. The storage behind it (flat buckets, ZeRO shards, FP8 copies)
// belongs to whoever implements ParamStorage.
#pragma once
#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "loongforge/spec/param_spec.h"

namespace loongforge::step {

/// Where a Param's values and gradient live. One implementation per storage policy (parallel/).
class ParamStorage {
 public:
  virtual ~ParamStorage() = default;
  /// The local weight in the compute dtype, shape = LocalLayout::shape. Valid between the block's gather and free.
  virtual const at::Tensor& weight() = 0;
  /// The gradient accumulator in the gradient dtype, same shape; a view of a flat bucket. Only asked when trainable.
  virtual at::Tensor main_grad() = 0;
  /// One contribution to main_grad is complete.
  virtual void contributed() = 0;
};

class Param;

/// LoRA/DoRA slot of a linear: y += scaling · B(A(x)). Column base: A replicated, B column-sharded; row base: A row-sharded,
/// B replicated, added before the base's reduction.
struct Adapter {
  Param* a = nullptr;  ///< [rank, in]; of m fused linears [m·rank, in], one below the other
  Param* b = nullptr;  ///< [out, rank]; of fused linears in their row layout
  double scaling = 1.0;
  std::vector<at::Tensor> row_masks;  ///< of m fused linears, each [out]: 1 at the rows of that linear, else 0
};

class Param {
 public:
  Param(spec::ParamSpec spec, spec::LocalLayout layout) : spec_(std::move(spec)), layout_(std::move(layout)) {}
  Param(const Param&) = delete;
  Param& operator=(const Param&) = delete;

  const spec::ParamSpec& spec() const { return spec_; }
  const spec::LocalLayout& layout() const { return layout_; }
  const std::string& name() const { return spec_.name; }
  bool trainable() const { return spec_.update == spec::Update::gradient; }

  const at::Tensor& weight() const { return storage_->weight(); }
  at::Tensor main_grad() const { return storage_->main_grad(); }
  void contributed() const { storage_->contributed(); }

  /// The weight as an autograd leaf for custom layers: its gradient is drained into main_grad by a post-accumulate hook and
  /// counted as one contribution. Call once per forward.
  at::Tensor leaf() const;

  Adapter* adapter() const { return adapter_.get(); }
  void set_adapter(Adapter adapter) { adapter_ = std::make_unique<Adapter>(std::move(adapter)); }

  void bind(ParamStorage* storage) { storage_ = storage; }
  ParamStorage* storage() const { return storage_; }
  /// How many blocks of this stage use the parameter: contributions expected per microbatch.
  int uses() const { return uses_; }
  void set_uses(int uses) { uses_ = uses; }

 private:
  spec::ParamSpec spec_;
  spec::LocalLayout layout_;
  ParamStorage* storage_ = nullptr;
  std::unique_ptr<Adapter> adapter_;
  int uses_ = 1;
};

/// A storage that owns plain tensors: tests, inference, frozen models on one rank.
class PlainStorage final : public ParamStorage {
 public:
  PlainStorage(at::Tensor weight, at::ScalarType grad_dtype) : weight_(std::move(weight)), grad_dtype_(grad_dtype) {}
  const at::Tensor& weight() override { return weight_; }
  at::Tensor main_grad() override;  ///< allocated as zeros on first use
  void contributed() override { ++contributions; }
  int contributions = 0;

 private:
  at::Tensor weight_, grad_;
  at::ScalarType grad_dtype_;
};

}  // namespace loongforge::step
