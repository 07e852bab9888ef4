// SPDX-License-Identifier: Apache-2.0
#include "optim/adamw_update.h"

#include <ATen/ops/_fused_adamw.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "step/own_kernel.h"

namespace loongforge::optim {
namespace {

constexpr at::ScalarType kCounts = at::kFloat;  // the fused operation counts steps and divides in fp32

// The fused operation wants one element type for all four.
void fused_update(const AdamWUpdate& update, const at::Tensor& exp_avg, const at::Tensor& exp_avg_sq, const at::Tensor& taken,
                  const GradientDecision& decision) {
  at::Tensor grad = update.grad.to(update.master.scalar_type());
  const at::Tensor count = taken.to(kCounts), skip = decision.skip.to(kCounts);
  std::optional<at::Tensor> divisor;
  if (grad.scalar_type() == at::kDouble) {
    grad = grad.mul(decision.coefficient);  // the operation's divisor has only fp32 precision
  } else {
    divisor = decision.coefficient.reciprocal().to(kCounts);
  }
  at::_fused_adamw_(update.master, grad, exp_avg, exp_avg_sq, {}, count, update.lr, update.beta1, update.beta2,
                    update.weight_decay, update.eps, /*amsgrad=*/false, /*maximize=*/false, divisor, skip);
}

void reference_update(const AdamWUpdate& update, const at::Tensor& taken, const GradientDecision& decision) {
  AdamWUpdate part = update;
  for (at::Tensor* flat : {&part.master, &part.grad, &part.exp_avg, &part.exp_avg_sq, &part.weight}) {
    *flat = flat->narrow(0, update.begin, update.count);
  }
  const at::ScalarType dtype = part.master.scalar_type();
  if (part.exp_avg.scalar_type() == dtype) {
    fused_update(part, part.exp_avg, part.exp_avg_sq, taken, decision);
  } else {
    const at::Tensor first = part.exp_avg.to(dtype), second = part.exp_avg_sq.to(dtype);
    fused_update(part, first, second, taken, decision);
    part.exp_avg.copy_(first);
    part.exp_avg_sq.copy_(second);
  }
  if (!part.weight.is_alias_of(part.master)) part.weight.copy_(part.master);
}

/// The device scalars that an own update reads, in fp64.
struct Scalars {
  at::Tensor taken, coefficient, skip;
};

/// The kernel's form of an update, or nothing where it has none.
std::optional<cpu::AdamW> own_update(const AdamWUpdate& update, const Scalars& scalars) {
  const auto grad = step::kernel_type({update.grad}), moments = step::kernel_type({update.exp_avg, update.exp_avg_sq});
  const auto weight = step::kernel_type({update.weight});
  if (step::kernel_type({update.master}) != cpu::Type::f32 || !grad || !moments || !weight) return std::nullopt;
  cpu::AdamW adamw{.grad_type = *grad, .moment_type = *moments, .weight_type = *weight};
  adamw.master = update.master.data_ptr<float>();
  adamw.grad = update.grad.const_data_ptr();
  adamw.exp_avg = update.exp_avg.data_ptr();
  adamw.exp_avg_sq = update.exp_avg_sq.data_ptr();
  adamw.weight = update.weight.is_alias_of(update.master) ? nullptr : update.weight.data_ptr();
  adamw.lr = update.lr;
  adamw.weight_decay = update.weight_decay;
  adamw.beta1 = update.beta1;
  adamw.beta2 = update.beta2;
  adamw.eps = update.eps;
  adamw.taken = scalars.taken.const_data_ptr<double>();
  adamw.coefficient = scalars.coefficient.const_data_ptr<double>();
  adamw.skip = scalars.skip.const_data_ptr<double>();
  return adamw;
}

/// An update cut into blocks, numbered on from those of the updates before it.
struct Work {
  cpu::AdamW adamw;
  int64_t begin, end, first_block, last_block;
};
constexpr int64_t kBlock = 4096;  // elements: borders between threads never cut a vector

void run_own(const std::vector<Work>& list) {
  if (list.empty()) return;
  platform::parallel_for(list.back().last_block, step::kGrain / kBlock, [&](int64_t first, int64_t last) {
    for (const Work& work : list) {
      const int64_t from = std::max(first, work.first_block), to = std::min(last, work.last_block);
      if (from >= to) continue;
      cpu::kernels().adamw->update(work.adamw, work.begin + (from - work.first_block) * kBlock,
                                   std::min(work.end, work.begin + (to - work.first_block) * kBlock));
    }
  });
}

}  // namespace

void adamw_update(std::span<const AdamWUpdate> updates, const at::Tensor& taken, const GradientDecision& decision) {
  const Scalars scalars{taken.to(at::kDouble), decision.coefficient.to(at::kDouble), decision.skip.to(at::kDouble)};
  std::vector<Work> own;
  int64_t blocks = 0;
  for (const AdamWUpdate& update : updates) {
    if (const auto adamw = own_update(update, scalars)) {
      const int64_t count = (update.count + kBlock - 1) / kBlock;
      own.push_back({*adamw, update.begin, update.begin + update.count, blocks, blocks + count});
      blocks += count;
    } else {
      reference_update(update, taken, decision);
    }
  }
  run_own(own);
}

}  // namespace loongforge::optim
