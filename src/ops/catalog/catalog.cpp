// SPDX-License-Identifier: Apache-2.0
#include "loongforge/ops/catalog.h"

#include <ATen/ops/scalar_tensor.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "loongforge/ops/embedding.h"
#include "loongforge/ops/linear.h"
#include "loongforge/ops/linear_cross_entropy.h"
#include "loongforge/ops/rms_norm.h"
#include "loongforge/ops/rope.h"
#include "loongforge/ops/swiglu.h"
#include "loongforge/step/dtype.h"

namespace loongforge::ops {
namespace {

using step::OpCase;
using step::OpSizes;
using step::Tensors;

/// What makes tensors of a case: their type, and a new seed for each.
struct Values {
  at::ScalarType compute, storage;
  uint64_t seed = 0;
  at::Tensor operator()(at::IntArrayRef shape) { return step::case_values(shape, ++seed, compute, storage); }
  at::Tensor leaf(at::IntArrayRef shape) { return operator()(shape).set_requires_grad(true); }
  double bytes(double elements) const { return elements * static_cast<double>(c10::elementSize(storage)); }
};

/// A whole parameter that owns its weight.
struct OwnedParam {
  explicit OwnedParam(const at::Tensor& weight)
      : storage(weight, step::acc(weight.scalar_type())),
        param(spec::plain_param("weight", weight.sizes().vec(), spec::ModuleKind::other, spec::init::Ones{}),
              layout_of(weight.sizes().vec())) {
    param.bind(&storage);
  }
  static spec::LocalLayout layout_of(const spec::Shape& shape) {
    spec::LocalLayout layout;
    layout.shape = shape;
    layout.boxes = {{spec::full_box(shape), spec::full_box(shape)}};
    return layout;
  }
  step::PlainStorage storage;
  step::Param param;
};

std::shared_ptr<OwnedParam> parameter(const at::Tensor& weight) { return std::make_shared<OwnedParam>(weight); }

/// The gradients behind the outputs: `forward` is run, and `grads` flow into what it returns. Accumulators are left empty.
template <class Forward>
Tensors differentiate(const Forward& forward, const Tensors& grads, const Tensors& leaves, OwnedParam* param) {
  c10::AutoGradMode recording(true);
  const Tensors outputs = forward();
  step::backward(outputs, grads);
  Tensors result;
  for (const at::Tensor& output : outputs) result.push_back(output.detach());
  for (const at::Tensor& leaf : leaves) {
    result.push_back(leaf.grad());
    leaf.mutable_grad().reset();
  }
  if (param) {
    result.push_back(param->storage.main_grad().clone());
    param->storage.main_grad().zero_();
  }
  return result;
}

OpCase norm_case(at::IntArrayRef shape, Values values) {
  const at::Tensor x = values.leaf(shape), dy = values(shape);
  const auto weight = parameter(values({shape.back()}));
  const auto forward = [=] { return Tensors{rms_norm(x, weight->param, 1e-5)}; };
  return {[=] { return differentiate(forward, {dy}, {x}, weight.get()); }, 0,
          values.bytes(5.0 * static_cast<double>(x.numel())), {x, dy}};
}

OpCase rms_norm_case(const OpSizes& sizes, at::ScalarType compute, at::ScalarType storage) {
  return norm_case({sizes.rows, sizes.hidden}, {compute, storage});
}

OpCase head_norm_case(const OpSizes& sizes, at::ScalarType compute, at::ScalarType storage) {
  return norm_case({sizes.rows, sizes.heads, sizes.head_dim}, {compute, storage});
}

OpCase add_rms_norm_case(const OpSizes& sizes, at::ScalarType compute, at::ScalarType storage) {
  Values values{compute, storage};
  const at::Tensor x = values.leaf({sizes.rows, sizes.hidden}), residual = values.leaf(x.sizes());
  const at::Tensor dsum = values(x.sizes()), dy = values(x.sizes());
  const auto weight = parameter(values({sizes.hidden}));
  const auto forward = [=] {
    const auto [sum, y] = add_rms_norm(x, residual, weight->param, 1e-5);
    return Tensors{sum, y};
  };
  return {[=] { return differentiate(forward, {dsum, dy}, {x, residual}, weight.get()); }, 0,
          values.bytes(8.0 * static_cast<double>(x.numel())),
          {x, residual, dsum, dy}};
}

OpCase rope_case(const OpSizes& sizes, at::ScalarType compute, at::ScalarType storage, RopePairing pairing) {
  Values values{compute, storage};
  const at::Tensor x = values.leaf({sizes.rows, sizes.heads, sizes.head_dim}), dy = values(x.sizes());
  const at::Tensor angles = values({sizes.rows, std::max<int64_t>(sizes.head_dim / 2, 1)}).to(step::acc(compute));
  const at::Tensor cos = angles.cos(), sin = angles.sin();
  const auto forward = [=] { return Tensors{rope(x, cos, sin, pairing)}; };
  return {[=] { return differentiate(forward, {dy}, {x}, nullptr); }, 0, values.bytes(4.0 * static_cast<double>(x.numel())),
          {x, dy}};
}

OpCase rope_heads_case(const OpSizes& sizes, at::ScalarType compute, at::ScalarType storage) {
  Values values{compute, storage};
  const int64_t groups = sizes.heads, m = 2, d = sizes.head_dim;
  const at::Tensor x = values.leaf({sizes.rows, groups, m + 2, d});
  const at::Tensor dq = values({sizes.rows, groups * m, d}), dk = values({sizes.rows, groups, d}), dv = values(dk.sizes());
  const at::Tensor angles = values({sizes.rows, std::max<int64_t>(d / 2, 1)}).to(step::acc(compute));
  const at::Tensor cos = angles.cos(), sin = angles.sin();
  const auto forward = [=] { return rope_heads(x, cos, sin); };
  return {[=] { return differentiate(forward, {dq, dk, dv}, {x}, nullptr); }, 0,
          values.bytes(4.0 * static_cast<double>(x.numel())), {x, dq, dk, dv}};
}

OpCase swiglu_case(const OpSizes& sizes, at::ScalarType compute, at::ScalarType storage) {
  Values values{compute, storage};
  const at::Tensor x = values.leaf({sizes.rows, 2 * sizes.ffn}), dy = values({sizes.rows, sizes.ffn});
  const auto forward = [=] { return Tensors{swiglu(x)}; };
  return {[=] { return differentiate(forward, {dy}, {x}, nullptr); }, 0, values.bytes(4.0 * static_cast<double>(x.numel())),
          {x, dy}};
}

OpCase embedding_case(const OpSizes& sizes, at::ScalarType compute, at::ScalarType storage) {
  Values values{compute, storage};
  const auto table = parameter(values({sizes.classes, sizes.hidden}));
  const at::Tensor ids = step::case_indices(sizes.rows, sizes.classes, 1), dy = values({sizes.rows, sizes.hidden});
  const auto run = [=] {
    c10::AutoGradMode recording(true);
    const at::Tensor y = embedding(ids, table->param, /*padding_id=*/0);
    step::backward({y}, {dy});
    return Tensors{y.detach(), table->storage.main_grad()};
  };
  return {run, 0, values.bytes(3.0 * static_cast<double>(dy.numel())) + 8.0 * static_cast<double>(dy.numel()),
          {dy}};
}

OpCase linear_case(const OpSizes& sizes, at::ScalarType compute, at::ScalarType storage) {
  Values values{compute, storage};
  const at::Tensor x = values.leaf({sizes.rows, sizes.hidden}), dy = values({sizes.rows, 2 * sizes.ffn});
  const auto weight = parameter(values({2 * sizes.ffn, sizes.hidden}));
  const auto forward = [=] { return Tensors{linear(x, weight->param)}; };
  const double product = 2.0 * static_cast<double>(dy.numel()) * static_cast<double>(sizes.hidden);
  return {[=] { return differentiate(forward, {dy}, {x}, weight.get()); }, 3 * product, 0, {x, dy}};
}

OpCase cross_entropy_case(const OpSizes& sizes, at::ScalarType compute, at::ScalarType storage) {
  Values values{compute, storage};
  const at::Tensor x = values.leaf({sizes.rows, sizes.hidden});
  const auto head = parameter(values({sizes.classes, sizes.hidden}).div_(std::sqrt(static_cast<double>(sizes.hidden))));
  CrossEntropyOptions options;
  options.labels = step::case_indices(sizes.rows, sizes.classes, 1);
  options.labels.narrow(0, sizes.rows / 2, sizes.rows / 8).fill_(kIgnoredLabel);
  options.seed = 0.5;
  const auto region = std::make_shared<step::RegionComm>();
  const at::Tensor one = at::scalar_tensor(1.0, at::TensorOptions().dtype(step::acc(compute)));
  const auto forward = [=] { return Tensors{linear_cross_entropy(x, head->param, options, *region)}; };
  const double logits = static_cast<double>(sizes.rows) * static_cast<double>(sizes.classes);
  return {[=] { return differentiate(forward, {one}, {x}, head.get()); }, 6 * logits * static_cast<double>(sizes.hidden), 0,
          {x}};
}

}  // namespace

std::vector<step::OpDescription> catalog() {
  using At = at::ScalarType;
  return {
      {"rms_norm", "root mean square norm", rms_norm_case},
      {"head_norm", "the same over each head", head_norm_case},
      {"add_rms_norm", "residual addition and norm", add_rms_norm_case},
      {"rope", "rotary embedding, pairs of halves",
       [](const OpSizes& s, At c, At t) { return rope_case(s, c, t, RopePairing::halves); }},
      {"rope_neighbours", "rotary embedding, pairs of neighbours",
       [](const OpSizes& s, At c, At t) { return rope_case(s, c, t, RopePairing::neighbours); }},
      {"rope_heads", "split of fused rows with rotary embedding", rope_heads_case},
      {"swiglu", "silu(gate)·up", swiglu_case},
      {"embedding", "rows of a table", embedding_case},
      {"linear", "gate and up projection", linear_case},
      {"linear_cross_entropy", "output projection and cross entropy", cross_entropy_case},
  };
}

}  // namespace loongforge::ops
