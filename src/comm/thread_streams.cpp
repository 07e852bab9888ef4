// SPDX-License-Identifier: Apache-2.0
#include "comm/thread_streams.h"

#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>

namespace loongforge::comm {
namespace {

bool has_streams(const at::Tensor& tensor) { return tensor.defined() && !tensor.is_cpu() && !tensor.is_meta(); }

c10::Stream current_stream(c10::Device device) { return c10::impl::VirtualGuardImpl(device.type()).getStream(device); }

/// Every device that tensors of the operation lie on.
std::vector<c10::Device> devices_of(const ThreadOp& op) {
  std::vector<c10::Device> devices;
  for (const auto& call : op.calls) {
    for (const at::Tensor& tensor : {call->out, call->in}) {
      if (!has_streams(tensor) || std::find(devices.begin(), devices.end(), tensor.device()) != devices.end()) continue;
      devices.push_back(tensor.device());
    }
  }
  return devices;
}

}  // namespace

std::optional<c10::Event> point_in_stream(const ThreadCall& call) {
  const at::Tensor& tensor = call.out.defined() ? call.out : call.in;
  if (!has_streams(tensor)) return std::nullopt;
  c10::Event event(tensor.device().type());
  event.record(current_stream(tensor.device()));
  return event;
}

void await_callers(const ThreadOp& op) {
  for (const c10::Device device : devices_of(op)) {
    for (const auto& call : op.calls) {
      if (call->ready) call->ready->block(current_stream(device));
    }
  }
}

std::vector<c10::Event> points_after(const ThreadOp& op) {
  for (const auto& call : op.calls) {
    for (at::Tensor tensor : {call->out, call->in}) {
      if (has_streams(tensor)) tensor.record_stream(current_stream(tensor.device()));
    }
  }
  std::vector<c10::Event> points;
  for (const c10::Device device : devices_of(op)) points.emplace_back(device.type()).record(current_stream(device));
  return points;
}

void await_points(std::vector<c10::Event>& points, c10::Device device) {
  for (c10::Event& point : points) point.block(current_stream(device));
}

}  // namespace loongforge::comm
