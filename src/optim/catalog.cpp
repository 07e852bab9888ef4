// SPDX-License-Identifier: Apache-2.0
#include "loongforge/optim/catalog.h"

#include <ATen/ops/full.h>

#include <memory>

#include "loongforge/core/error.h"
#include "loongforge/optim/adamw.h"
#include "loongforge/step/dtype.h"
#include "loongforge/step/square_sum.h"

namespace loongforge::optim {
namespace {

using step::OpCase;
using step::OpSizes;

/// A shard whose weights have the storage's type and whose gradients and moments are in acc, or the moments too in the storage's.
struct Shard {
  step::FlatShard flat;
  std::unique_ptr<Optimizer> optimizer;
};

std::shared_ptr<Shard> shard_of(int64_t elements, at::ScalarType compute, at::ScalarType storage, bool narrow_moments) {
  const at::ScalarType wide = step::acc(compute);
  auto shard = std::make_shared<Shard>();
  shard->flat.master = step::case_values({elements}, 1, wide, step::acc(storage));
  shard->flat.grad = step::case_values({elements}, 2, wide, storage);
  shard->flat.weight = compute == wide ? shard->flat.master : shard->flat.master.to(compute);
  const int64_t decayed = elements - elements / 3;
  shard->flat.segments = {{0, decayed, 1.0, true}, {decayed, elements, 0.5, false}};
  AdamWConfig config;
  if (narrow_moments && wide != at::kDouble) config.moments = Dtype::bf16;
  shard->optimizer = make_adamw(config);
  shard->optimizer->attach(std::span(&shard->flat, 1));
  return shard;
}

OpCase adamw_case(const OpSizes& sizes, at::ScalarType compute, at::ScalarType storage, bool narrow_moments) {
  const auto shard = shard_of(sizes.elements, compute, storage, narrow_moments);
  const auto decision = decide(at::full({}, 4.0, at::kDouble), 1.0);
  const auto run = [=] {
    shard->optimizer->step(1e-2, decision);
    return step::Tensors{shard->flat.master, shard->flat.weight, shard->flat.state.at("exp_avg"), shard->flat.state.at("exp_avg_sq")};
  };
  const double moments = narrow_moments ? 8 : 16, weight = compute == step::acc(compute) ? 0 : 2;
  return {run, 0, static_cast<double>(sizes.elements) * (12 + moments + weight)};
}

OpCase square_sum_case(const OpSizes& sizes, at::ScalarType compute, at::ScalarType storage) {
  const at::Tensor grad = step::case_values({sizes.elements}, 1, compute, storage);
  return {[=] { return step::Tensors{step::square_sum(std::span(&grad, 1), c10::kCPU)}; }, 0,
          static_cast<double>(grad.nbytes())};
}

}  // namespace

std::vector<step::OpDescription> catalog() {
  using At = at::ScalarType;
  return {
      {"adamw", "one step of a shard", [](const OpSizes& s, At c, At t) { return adamw_case(s, c, t, false); }},
      {"adamw_bf16_moments", "the same with moments in bf16",
       [](const OpSizes& s, At c, At t) { return adamw_case(s, c, t, true); }},
      {"square_sum", "sum of squares behind the gradient norm", square_sum_case},
  };
}

}  // namespace loongforge::optim
