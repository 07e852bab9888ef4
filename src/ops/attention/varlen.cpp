// SPDX-License-Identifier: Apache-2.0
#include "ops/attention/varlen.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>

#include "kernels/cpu/dispatch.h"
#include "loongforge/core/error.h"
#include "loongforge/step/dtype.h"
#include "ops/attention/units.h"
#include "ops/cpu_units.h"

namespace loongforge::ops {
namespace {

at::Tensor with_adjacent_features(const at::Tensor& x) {
  return x.stride(2) == 1 || x.size(2) == 1 ? x : x.contiguous();
}

cpu::Type kernel_type(at::ScalarType type) {
  if (type == at::kBFloat16) return cpu::Type::bf16;
  return type == at::kHalf ? cpu::Type::f16 : cpu::Type::f32;
}

/// Strides of [rows, groups·per_group, head_dim].
cpu::HeadStrides strides_of(const at::Tensor& x, int64_t per_group) {
  return {x.stride(0), per_group * x.stride(1), x.stride(1)};
}
cpu::ConstHeads read_heads(const at::Tensor& x, int64_t per_group) {
  return {x.const_data_ptr(), strides_of(x, per_group)};
}
cpu::Heads write_heads(const at::Tensor& x, int64_t per_group) {
  return {x.mutable_data_ptr(), strides_of(x, per_group)};
}

cpu::AttentionArgs common_args(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& lse,
                               const DocumentBorders& borders, const step::AttentionOptions& options) {
  cpu::AttentionArgs args;
  args.type = kernel_type(q.scalar_type());
  args.head_dim = q.size(2);
  args.groups = k.size(1);
  args.heads_per_group = q.size(1) / k.size(1);
  args.rows = q.size(0);
  args.scale = static_cast<float>(options.scale);
  args.causal = options.causal;
  args.window = options.window;
  args.q_borders = borders.q.data();
  args.k_borders = borders.k.data();
  args.q = read_heads(q, args.heads_per_group);
  args.k = read_heads(k, 1);
  args.v = read_heads(v, 1);
  args.lse = lse.mutable_data_ptr<float>();
  return args;
}

int usable_threads() { return at::in_parallel_region() ? 1 : at::get_num_threads(); }

using WorkspaceSize = int64_t (*)(const cpu::AttentionArgs&, const cpu::AttentionUnit&);
using UnitKernel = void (*)(const cpu::AttentionArgs&, const cpu::AttentionUnit&, void*);

void run_attention(const cpu::AttentionArgs& args, const std::vector<cpu::AttentionUnit>& units,
                   WorkspaceSize workspace, UnitKernel kernel) {
  int64_t bytes = 0;
  for (const cpu::AttentionUnit& unit : units) bytes = std::max(bytes, workspace(args, unit));
  run_units(static_cast<int64_t>(units.size()), bytes,
            [&](int64_t i, std::byte* memory) { kernel(args, units[static_cast<size_t>(i)], memory); });
}

void check_borders(const at::Tensor& q, const at::Tensor& k, const DocumentBorders& borders) {
  LF_ASSERT(borders.q.size() == borders.k.size() && borders.q.size() >= 2, "{} and {} borders", borders.q.size(),
            borders.k.size());
  LF_ASSERT(borders.q.front() == 0 && borders.q.back() == q.size(0), "borders end at {}, rows are {}", borders.q.back(),
            q.size(0));
  LF_ASSERT(borders.k.front() == 0 && borders.k.back() == k.size(0), "borders end at {}, keys are {}", borders.k.back(),
            k.size(0));
  LF_ASSERT(std::is_sorted(borders.q.begin(), borders.q.end()) && std::is_sorted(borders.k.begin(), borders.k.end()),
            "borders of documents fall");
}

}  // namespace

Tuning::Tuning() : bf16_pairs(cpu::fast_bf16_pairs()) {}

bool varlen_serves(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                   const step::AttentionOptions& options) {
  const at::ScalarType type = q.scalar_type();
  const bool typed = (type == at::kFloat || type == at::kBFloat16 || type == at::kHalf) && k.scalar_type() == type &&
                     v.scalar_type() == type;
  const int64_t head_dim = q.size(2);
  const bool shaped = head_dim >= 1 && head_dim <= cpu::kMaxHeadDim && k.size(2) == head_dim && v.size(2) == head_dim &&
                      k.size(1) > 0 && v.size(1) == k.size(1) && q.size(1) % k.size(1) == 0;
  return typed && shaped && q.is_cpu() && options.scale > 0 && std::isfinite(options.scale);
}

Attended varlen_forward(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const DocumentBorders& borders,
                        const step::AttentionOptions& options, const Tuning& tuning) {
  check_borders(q, k, borders);
  const at::Tensor queries = with_adjacent_features(q), keys = with_adjacent_features(k),
                   values = with_adjacent_features(v);
  Attended result{at::empty(q.sizes(), q.options()),
                  at::empty({q.size(1), q.size(0)}, q.options().dtype(step::acc(q.scalar_type())))};
  cpu::AttentionArgs args = common_args(queries, keys, values, result.lse, borders, options);
  args.bf16_pairs = tuning.bf16_pairs;
  args.out = write_heads(result.out, args.heads_per_group);
  const cpu::AttentionKernels& kernels = *cpu::kernels().attention;
  run_attention(args, forward_units(args, borders, usable_threads()), kernels.forward_workspace, kernels.forward);
  return result;
}

step::Tensors varlen_backward(const at::Tensor& d_out, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                              const Attended& attended, const DocumentBorders& borders,
                              const step::AttentionOptions& options, const Tuning& tuning) {
  check_borders(q, k, borders);
  const at::Tensor queries = with_adjacent_features(q), keys = with_adjacent_features(k),
                   values = with_adjacent_features(v);
  const at::Tensor gradient = with_adjacent_features(d_out);
  const at::Tensor delta = at::empty(attended.lse.sizes(), attended.lse.options());
  step::Tensors results{at::empty(q.sizes(), q.options()), at::empty(k.sizes(), k.options()),
                        at::empty(v.sizes(), v.options())};
  cpu::AttentionArgs args = common_args(queries, keys, values, attended.lse, borders, options);
  args.bf16_pairs = tuning.bf16_pairs;
  args.out_read = read_heads(attended.out, args.heads_per_group);
  args.d_out = read_heads(gradient, args.heads_per_group);
  args.delta = delta.mutable_data_ptr<float>();
  args.dq = write_heads(results[0], args.heads_per_group);
  args.dk = write_heads(results[1], 1);
  args.dv = write_heads(results[2], 1);
  const cpu::AttentionKernels& kernels = *cpu::kernels().attention;
  constexpr int64_t kDeltaRows = 64;
  run_units((args.rows + kDeltaRows - 1) / kDeltaRows, 0, [&](int64_t i, std::byte*) {
    kernels.delta(args, i * kDeltaRows, std::min(args.rows, (i + 1) * kDeltaRows));
  });
  run_attention(args, backward_units(args, borders, usable_threads(), tuning.division), kernels.backward_workspace,
                kernels.backward);
  return results;
}

}  // namespace loongforge::ops
