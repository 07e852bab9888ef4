// SPDX-License-Identifier: Apache-2.0
// Recording an operation with a hand-written backward, so that ops and parallel code need no autograd header.
#pragma once
#include <ATen/core/Tensor.h>

#include <functional>
#include <initializer_list>
#include <vector>

namespace loongforge::step {

using Tensors = std::vector<at::Tensor>;

/// Gradients of the inputs, from the gradients of the outputs (undefined where nothing flowed back) and the saved tensors.
/// An undefined result means no gradient. Runs without gradient recording.
using BackwardFn = std::function<Tensors(const Tensors& grads, const Tensors& saved)>;

/// Whether gradients are being recorded on this thread.
bool recording();
/// recording(), and at least one of `inputs` (undefined ones allowed) wants a gradient.
bool wants_grad(std::initializer_list<at::Tensor> inputs);

/// Turns gradient recording off for a scope: what an op computes between its borders is not recorded.
class NoRecord {
 public:
  NoRecord();
  ~NoRecord();
  NoRecord(const NoRecord&) = delete;
  NoRecord& operator=(const NoRecord&) = delete;

 private:
  bool before_;
};

/// Makes `outputs` (fresh tensors, computed under NoRecord) depend on `inputs` by `backward`. Call only while recording().
/// `saved` are kept until the backward has run; they may be among inputs or outputs. `name` shows in error messages.
/// The outputs want a gradient even when no input does, so that handles captured by `backward` are served.
void record(const char* name, const Tensors& inputs, Tensors& outputs, Tensors saved, BackwardFn backward);
/// The same for one output.
at::Tensor record(const char* name, const Tensors& inputs, at::Tensor output, Tensors saved, BackwardFn backward);

/// Runs the recorded backward from `outputs`, into whose gradients `grads` flow; fills the gradients of leaves.
void backward(const Tensors& outputs, const Tensors& grads);

}  // namespace loongforge::step
