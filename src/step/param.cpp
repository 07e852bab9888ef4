// SPDX-License-Identifier: Apache-2.0
#include "loongforge/step/param.h"

#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include "loongforge/step/function.h"

namespace loongforge::step {
namespace {

/// Moves the gradient that autograd has put on a leaf into the parameter's main_grad.
class DrainHook final : public torch::autograd::PostAccumulateGradHook {
 public:
  explicit DrainHook(const Param* param) : param_(param) {}
  void operator()(const at::Tensor& leaf) override {
    NoRecord no_record;
    param_->main_grad().add_(leaf.grad());
    leaf.mutable_grad().reset();
    param_->contributed();
  }

 private:
  const Param* param_;
};

}  // namespace

at::Tensor Param::leaf() const {
  at::Tensor leaf = weight().detach();
  if (!trainable()) return leaf;
  leaf.set_requires_grad(true);
  torch::autograd::impl::set_post_acc_grad_hooks(leaf, std::make_unique<DrainHook>(this));
  return leaf;
}

at::Tensor PlainStorage::main_grad() {
  if (!grad_.defined()) grad_ = at::zeros(weight_.sizes(), weight_.options().dtype(grad_dtype_).requires_grad(false));
  return grad_;
}

}  // namespace loongforge::step
