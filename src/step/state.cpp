// SPDX-License-Identifier: Apache-2.0
#include "loongforge/step/state.h"

#include <algorithm>

#include "loongforge/core/error.h"

namespace loongforge::step {

const State::Entry* State::find(std::string_view name) const {
  for (const Entry& entry : entries_) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

const at::Tensor& State::get(std::string_view name) const {
  const Entry* entry = find(name);
  LF_ASSERT(entry != nullptr, "state has no '{}'", name);
  return entry->tensor;
}

void State::set(std::string_view name, at::Tensor tensor, bool differentiable) {
  for (Entry& entry : entries_) {
    if (entry.name != name) continue;
    entry.tensor = std::move(tensor);
    entry.differentiable = differentiable;
    return;
  }
  entries_.push_back({std::string(name), std::move(tensor), differentiable});
}

at::Tensor State::take(std::string_view name) {
  auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.name == name; });
  LF_ASSERT(found != entries_.end(), "state has no '{}'", name);
  at::Tensor tensor = std::move(found->tensor);
  entries_.erase(found);
  return tensor;
}

const at::Tensor& MicroBatch::get(std::string_view name) const {
  auto found = tensors_.find(name);
  LF_ASSERT(found != tensors_.end(), "microbatch has no tensor '{}'", name);
  return found->second.tensor;
}

const std::vector<int64_t>& MicroBatch::host(std::string_view name) const {
  auto found = host_.find(name);
  LF_ASSERT(found != host_.end(), "microbatch has no host list '{}'", name);
  return found->second;
}

}  // namespace loongforge::step
