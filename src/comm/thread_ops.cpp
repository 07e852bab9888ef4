// SPDX-License-Identifier: Apache-2.0
// What each operation of the thread backend does once all its members have called it.
#include <c10/core/GradMode.h>

#include "comm/reduce.h"
#include "comm/thread_state.h"
#include "loongforge/core/error.h"
#include "loongforge/platform/dtype.h"

namespace loongforge::comm {
namespace {

const at::Tensor& payload(const ThreadCall& call) { return call.in.defined() ? call.in : call.out; }

at::Tensor chunk_of(const at::Tensor& tensor, size_t index, size_t count) {
  const int64_t length = tensor.numel() / static_cast<int64_t>(count);
  return tensor.view(-1).narrow(0, static_cast<int64_t>(index) * length, length);
}

int64_t offset_of(const std::vector<int64_t>& splits, size_t index) {
  int64_t offset = 0;
  for (size_t i = 0; i < index; ++i) offset += splits[i];
  return offset;
}

void all_reduce(const ThreadOp& op) {
  std::vector<at::Tensor> parts;
  for (const auto& call : op.calls) parts.push_back(call->out);
  const at::Tensor total = reduce_in_order(parts, op.calls[0]->reduce);
  for (const auto& call : op.calls) call->out.copy_(total);
}

void all_gather(const ThreadOp& op) {
  const size_t n = op.calls.size();
  for (const auto& call : op.calls) {
    for (size_t from = 0; from < n; ++from) chunk_of(call->out, from, n).copy_(op.calls[from]->in.view(-1));
  }
}

void reduce_scatter(const ThreadOp& op) {
  const size_t n = op.calls.size();
  for (size_t to = 0; to < n; ++to) {
    std::vector<at::Tensor> parts;
    for (const auto& call : op.calls) parts.push_back(chunk_of(call->in, to, n));
    op.calls[to]->out.view(-1).copy_(reduce_in_order(parts, ReduceOp::sum));
  }
}

void all_to_all_v(const ThreadOp& op) {
  const size_t n = op.calls.size();
  for (size_t to = 0; to < n; ++to) {
    const ThreadCall& receiver = *op.calls[to];
    for (size_t from = 0; from < n; ++from) {
      const ThreadCall& sender = *op.calls[from];
      const int64_t sent = sender.in_splits[to], expected = receiver.out_splits[from];
      if (sent != expected) {
        throw CommError(fmt::format("rank {} sends {} rows to rank {}, which expects {}", op.ranks[from], sent,
                                    op.ranks[to], expected));
      }
      receiver.out.narrow(0, offset_of(receiver.out_splits, from), expected)
          .copy_(sender.in.narrow(0, offset_of(sender.in_splits, to), sent));
    }
  }
}

void broadcast(const ThreadOp& op) {
  const auto root = static_cast<size_t>(op.calls[0]->root);
  for (size_t slot = 0; slot < op.calls.size(); ++slot) {
    if (slot != root) op.calls[slot]->out.copy_(op.calls[root]->out);
  }
}

}  // namespace

std::string describe(const ThreadCall& call) {
  std::string text{op_name(call.kind)};
  if (payload(call).defined()) text += " " + platform::describe(payload(call));
  return text;
}

std::optional<std::string> mismatch(const ThreadCall& first, const ThreadCall& call) {
  if (is_message(first.kind) != is_message(call.kind)) return "another operation";
  if (!is_message(first.kind) && first.kind != call.kind) return "another operation";
  if (first.kind == OpKind::barrier) return std::nullopt;
  if (payload(first).scalar_type() != payload(call).scalar_type()) return "another element type";
  if (first.root != call.root) return fmt::format("another root ({} and {})", call.root, first.root);
  if (first.reduce != call.reduce) return "another reduction";
  if (first.kind == OpKind::all_to_all_v) {
    const bool fits = payload(first).sizes().slice(1) == payload(call).sizes().slice(1);
    return fits ? std::nullopt : std::optional<std::string>("another shape");
  }
  if (payload(first).sizes() != payload(call).sizes()) return "another shape";
  return std::nullopt;
}

void execute(const ThreadOp& op) {
  c10::NoGradGuard no_grad;
  switch (op.calls[0]->kind) {
    case OpKind::all_reduce: return all_reduce(op);
    case OpKind::all_gather: return all_gather(op);
    case OpKind::reduce_scatter: return reduce_scatter(op);
    case OpKind::all_to_all_v: return all_to_all_v(op);
    case OpKind::broadcast: return broadcast(op);
    case OpKind::send:
    case OpKind::recv: op.calls[1]->out.copy_(op.calls[0]->in); return;
    case OpKind::barrier: return;
  }
}

}  // namespace loongforge::comm
