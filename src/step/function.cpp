// SPDX-License-Identifier: Apache-2.0
#include "loongforge/step/function.h"

#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/saved_variable.h>

#include <mutex>

#include "loongforge/core/error.h"

namespace loongforge::step {
namespace {

class ClosureNode final : public torch::autograd::Node {
 public:
  ClosureNode(const char* name, torch::autograd::edge_list edges, BackwardFn backward)
      : Node(std::move(edges)), name_(name), backward_(std::move(backward)) {}

  std::string name() const override { return name_; }

  void save(Tensors saved, const Tensors& outputs) {
    for (at::Tensor& tensor : saved) {
      bool is_output = false;
      for (const at::Tensor& output : outputs) is_output = is_output || output.is_same(tensor);
      saved_.emplace_back(tensor, is_output);
    }
  }

  torch::autograd::variable_list apply(torch::autograd::variable_list&& grads) override {
    std::lock_guard<std::mutex> lock(mutex_);
    LF_ASSERT(!released_, "backward of {} a second time", name_);
    NoRecord no_record;
    Tensors saved;
    saved.reserve(saved_.size());
    for (auto& variable : saved_) saved.push_back(variable.unpack(shared_from_this()));
    Tensors result = backward_(grads, saved);
    LF_ASSERT(result.size() == num_outputs(), "{}: {} gradients for {} inputs", name_, result.size(), num_outputs());
    for (size_t i = 0; i < result.size(); ++i) {
      if (!should_compute_output(i)) result[i] = at::Tensor();
    }
    return result;
  }

  void release_variables() override {
    std::lock_guard<std::mutex> lock(mutex_);
    released_ = true;
    saved_.clear();
    backward_ = nullptr;
  }

 private:
  const char* name_;
  BackwardFn backward_;
  std::vector<torch::autograd::SavedVariable> saved_;
  bool released_ = false;
};

}  // namespace

bool recording() { return c10::GradMode::is_enabled(); }

bool wants_grad(std::initializer_list<at::Tensor> inputs) {
  if (!recording()) return false;
  for (const at::Tensor& input : inputs) {
    if (input.defined() && input.requires_grad()) return true;
  }
  return false;
}

NoRecord::NoRecord() : before_(c10::GradMode::is_enabled()) { c10::GradMode::set_enabled(false); }
NoRecord::~NoRecord() { c10::GradMode::set_enabled(before_); }

void record(const char* name, const Tensors& inputs, Tensors& outputs, Tensors saved, BackwardFn backward) {
  LF_ASSERT(recording(), "{}: record() without recording", name);
  torch::autograd::edge_list edges;
  for (const at::Tensor& input : inputs) {
    const bool wants = input.defined() && input.requires_grad();
    edges.push_back(wants ? torch::autograd::impl::gradient_edge(input) : torch::autograd::Edge());
  }
  auto node = std::shared_ptr<ClosureNode>(new ClosureNode(name, std::move(edges), std::move(backward)),
                                           torch::autograd::deleteNode);
  for (at::Tensor& output : outputs) torch::autograd::set_history(output, node);
  node->save(std::move(saved), outputs);
}

at::Tensor record(const char* name, const Tensors& inputs, at::Tensor output, Tensors saved, BackwardFn backward) {
  Tensors outputs{std::move(output)};
  record(name, inputs, outputs, std::move(saved), std::move(backward));
  return outputs[0];
}

void backward(const Tensors& outputs, const Tensors& grads) { torch::autograd::backward(outputs, grads); }

}  // namespace loongforge::step
