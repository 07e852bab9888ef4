// SPDX-License-Identifier: Apache-2.0
#include "pipeline/transfers.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <chrono>

#include "loongforge/core/error.h"

namespace loongforge::pipeline {
namespace {

constexpr int64_t kMicrobatchBits = 16;

std::vector<spec::StateEntry>::iterator find_entry(std::vector<spec::StateEntry>& entries, const std::string& name) {
  return std::find_if(entries.begin(), entries.end(), [&](const auto& entry) { return entry.name == name; });
}

bool read_later(const spec::ModelSpec& model, int block, const std::string& name) {
  for (size_t b = block; b < model.blocks.size(); ++b) {
    for (const spec::StateEntry& input : model.blocks[b].inputs) {
      if (input.name == name) return true;
    }
  }
  return false;
}

}  // namespace

std::vector<std::vector<spec::StateEntry>> border_entries(const spec::ModelSpec& model, const std::vector<Stage>& stages) {
  std::vector<std::vector<spec::StateEntry>> borders;
  std::vector<spec::StateEntry> made;
  for (size_t s = 0; s + 1 < stages.size(); ++s) {
    for (int b = stages[s].begin; b < stages[s].end; ++b) {
      for (const spec::StateEntry& output : model.blocks[b].outputs) {
        const auto found = find_entry(made, output.name);
        if (found == made.end()) {
          made.push_back(output);
        } else {
          *found = output;
        }
      }
    }
    std::vector<spec::StateEntry> live;
    for (const spec::StateEntry& entry : made) {
      if (read_later(model, stages[s].end, entry.name)) live.push_back(entry);
    }
    borders.push_back(std::move(live));
  }
  return borders;
}

Transfers::Transfers(const ExecutorSetup& setup) : setup_(setup), borders_(border_entries(*setup.model, setup.stages)) {}

void Transfers::begin(std::span<const step::MicroBatch> batches, at::ScalarType dtype, int64_t step) {
  LF_ASSERT(batches.size() < size_t{1} << kMicrobatchBits, "{} microbatches", batches.size());
  batches_ = batches;
  dtype_ = dtype;
  step_ = step;
  wait_seconds_ = 0;
}

int64_t Transfers::tag(const Op& op, size_t entry) const {
  size_t most = 1;
  for (const auto& border : borders_) most = std::max(most, border.size());
  const auto stages = static_cast<int64_t>(setup_.stages.size());
  int64_t id = (static_cast<int64_t>(op.kind) * stages + op.stage) * static_cast<int64_t>(most) + static_cast<int64_t>(entry);
  id = id * 2 + step_ % 2;
  return (id << kMicrobatchBits) | op.microbatch;
}

std::vector<int64_t> Transfers::shape(const spec::StateEntry& entry, int microbatch) const {
  std::vector<int64_t> shape;
  for (const auto& extent : entry.extents) {
    if (const auto* number = std::get_if<int64_t>(&extent)) {
      shape.push_back(*number);
    } else {
      shape.push_back(batches_[microbatch].host("extent." + std::get<std::string>(extent)).at(0));
    }
  }
  return shape;
}

void Transfers::post(const Op& op) {
  const int from = other_stage(op);
  const Id id{op.kind, op.stage, op.microbatch};
  if (!exists(from) || !remote(from) || incoming_.count(id) != 0) return;
  Message& message = incoming_[id];
  const auto& border = borders_[border_of(op)];
  for (size_t e = 0; e < border.size(); ++e) {
    if (!carried(op.kind, border[e])) continue;
    at::Tensor buffer = at::empty(shape(border[e], op.microbatch), at::TensorOptions().dtype(dtype_).device(setup_.device));
    message.works.push_back(setup_.pp.irecv(buffer, setup_.stages[from].owner, tag(op, e)));
    message.tensors.push_back(std::move(buffer));
  }
}

std::vector<at::Tensor> Transfers::take(const Op& op) {
  if (!exists(other_stage(op))) return {};
  post(op);
  const auto found = incoming_.find({op.kind, op.stage, op.microbatch});
  LF_ASSERT(found != incoming_.end(), "stage {} has no input for microbatch {}", op.stage, op.microbatch);
  Message message = std::move(found->second);
  incoming_.erase(found);
  const auto start = std::chrono::steady_clock::now();
  for (comm::Work& work : message.works) work.wait();
  wait_seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return std::move(message.tensors);
}

void Transfers::deliver(const Op& to, std::vector<at::Tensor> tensors) {
  if (!remote(to.stage)) {
    incoming_[{to.kind, to.stage, to.microbatch}].tensors = std::move(tensors);
    return;
  }
  reap();
  const auto& border = borders_[border_of(to)];
  size_t next = 0;
  for (size_t e = 0; e < border.size(); ++e) {
    if (!carried(to.kind, border[e])) continue;
    at::Tensor tensor = tensors[next++].contiguous();
    comm::Work work = setup_.pp.isend(tensor, setup_.stages[to.stage].owner, tag(to, e));
    outgoing_.emplace_back(std::move(tensor), std::move(work));
  }
}

step::State Transfers::receive_state(int stage, int microbatch) {
  std::vector<at::Tensor> tensors = take({OpKind::forward, stage, microbatch});
  step::State state;
  for (size_t e = 0; e < tensors.size(); ++e) {
    const spec::StateEntry& entry = borders_[stage - 1][e];
    state.set(entry.name, std::move(tensors[e]), entry.differentiable);
  }
  return state;
}

StateGrads Transfers::receive_grads(int stage, int microbatch) {
  std::vector<at::Tensor> tensors = take({OpKind::backward, stage, microbatch});
  StateGrads grads;
  if (tensors.empty()) return grads;
  size_t next = 0;
  for (const spec::StateEntry& entry : borders_[stage]) {
    if (carried(OpKind::backward, entry)) grads[entry.name] = std::move(tensors[next++]);
  }
  return grads;
}

void Transfers::send_state(int stage, int microbatch, const step::State& state) {
  if (!exists(stage + 1)) return;
  std::vector<at::Tensor> tensors;
  for (const spec::StateEntry& entry : borders_[stage]) {
    const at::Tensor& tensor = state.get(entry.name);
    const auto expected = shape(entry, microbatch);
    LF_ASSERT(tensor.sizes() == at::IntArrayRef(expected) && tensor.scalar_type() == dtype_,
              "state '{}' behind stage {} differs from its declared shape or element type", entry.name, stage);
    tensors.push_back(tensor);
  }
  deliver({OpKind::forward, stage + 1, microbatch}, std::move(tensors));
}

void Transfers::send_grads(int stage, int microbatch, const StateGrads& grads) {
  if (!exists(stage - 1)) return;
  std::vector<at::Tensor> tensors;
  for (const spec::StateEntry& entry : borders_[stage - 1]) {
    if (!carried(OpKind::backward, entry)) continue;
    const auto found = grads.find(entry.name);
    const bool given = found != grads.end() && found->second.defined();
    tensors.push_back(given ? found->second
                            : at::zeros(shape(entry, microbatch), at::TensorOptions().dtype(dtype_).device(setup_.device)));
  }
  deliver({OpKind::backward, stage - 1, microbatch}, std::move(tensors));
}

void Transfers::reap() {
  while (!outgoing_.empty() && outgoing_.front().second.done()) {
    outgoing_.front().second.wait();  // at once; throws what failed
    outgoing_.pop_front();
  }
}

void Transfers::finish() {
  const auto start = std::chrono::steady_clock::now();
  for (auto& [tensor, work] : outgoing_) work.wait();
  outgoing_.clear();
  incoming_.clear();
  wait_seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace loongforge::pipeline
