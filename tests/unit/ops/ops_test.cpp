// SPDX-License-Identifier: Apache-2.0
// Each op's value and gradients against ATen's own differentiation of the plain composition, in fp64.
#include <ATen/ops/addmm.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <functional>

#include "loongforge/ops/attention.h"
#include "loongforge/ops/embedding.h"
#include "loongforge/ops/linear.h"
#include "loongforge/ops/linear_cross_entropy.h"
#include "loongforge/ops/rms_norm.h"
#include "loongforge/ops/rope.h"
#include "loongforge/ops/swiglu.h"
#include "support/test_param.h"

namespace loongforge::testing {
namespace {

const auto kWide = at::TensorOptions().dtype(at::kDouble);

at::Tensor random(std::initializer_list<int64_t> shape) { return at::randn(shape, kWide); }
at::Tensor leaf(const at::Tensor& values) { return values.detach().clone().set_requires_grad(true); }

void expect_equal(const at::Tensor& a, const at::Tensor& b, double tolerance = 1e-12) {
  ASSERT_EQ(a.sizes(), b.sizes());
  EXPECT_LE(a.detach().sub(b.detach()).abs().max().item<double>(), tolerance);
}

/// Both outputs get the same random gradient; afterwards the leaves hold what to compare.
void backward_both(const at::Tensor& ours, const at::Tensor& reference) {
  expect_equal(ours, reference);
  const at::Tensor dy = at::randn(ours.sizes(), kWide);
  ours.backward(dy);
  reference.backward(dy);
}

TEST(Linear, ValueAndGradients) {
  TestParam weight(random({2, 3, 5})), bias(random({2, 3}));
  const at::Tensor x = leaf(random({4, 5})), rx = leaf(x);
  const at::Tensor rw = leaf(weight.param.weight()), rb = leaf(bias.param.weight());
  backward_both(ops::linear(x, weight.param, &bias.param), at::addmm(rb.view({6}), rx, rw.view({6, 5}).t()));
  expect_equal(x.grad(), rx.grad());
  expect_equal(weight.grad(), rw.grad());
  expect_equal(bias.grad(), rb.grad());
  EXPECT_EQ(weight.storage.contributions, 1);
  EXPECT_EQ(bias.storage.contributions, 1);
}

TEST(Linear, AddsToWhatIsThereAndServesTheWeightWithoutInputGradient) {
  TestParam weight(random({3, 5}));
  const at::Tensor x = random({4, 5});
  for (int pass = 0; pass < 2; ++pass) ops::linear(x, weight.param).sum().backward();
  expect_equal(weight.grad(), x.sum(0).mul(2).expand({3, 5}));
}

TEST(Linear, FrozenWeightGetsNothing) {
  TestParam weight(random({3, 5}));
  spec::ParamSpec frozen = weight.param.spec();
  frozen.update = spec::Update::frozen;
  step::Param param(frozen, weight.param.layout());
  param.bind(&weight.storage);
  const at::Tensor x = leaf(random({4, 5}));
  ops::linear(x, param).sum().backward();
  EXPECT_EQ(weight.storage.contributions, 0);
  EXPECT_EQ(weight.grad().abs().sum().item<double>(), 0);
  expect_equal(x.grad(), param.weight().sum(0).expand({4, 5}));
}

TEST(Embedding, RepeatedIdsAddAndPaddingIsUntrained) {
  TestParam table(random({6, 3}));
  const at::Tensor ids = at::tensor({1, 4, 1, 0, 1}, at::kLong);
  const at::Tensor reference = leaf(table.param.weight());
  backward_both(ops::embedding(ids, table.param, 0), at::embedding(reference, ids, /*padding_idx=*/0));
  expect_equal(table.grad(), reference.grad());
  EXPECT_GT(table.grad()[1].abs().max().item<double>(), 0);
}

at::Tensor plain_norm(const at::Tensor& x, const at::Tensor& weight) {
  return x.mul(at::rsqrt(x.square().mean(-1, true).add(1e-5))).mul(weight);
}

TEST(RmsNorm, ValueAndGradients) {
  TestParam weight(random({8}));
  const at::Tensor x = leaf(random({3, 2, 8})), rx = leaf(x), rw = leaf(weight.param.weight());
  backward_both(ops::rms_norm(x, weight.param, 1e-5), plain_norm(rx, rw));
  expect_equal(x.grad(), rx.grad());
  expect_equal(weight.grad(), rw.grad());
}

TEST(RmsNorm, WithResidualBothOutputsCarryGradient) {
  TestParam weight(random({8}));
  const at::Tensor x = leaf(random({3, 8})), r = leaf(random({3, 8})), rx = leaf(x), rr = leaf(r);
  const at::Tensor rw = leaf(weight.param.weight());
  const auto [sum, normed] = ops::add_rms_norm(x, r, weight.param, 1e-5);
  const at::Tensor plain_sum = rx.add(rr);
  backward_both(sum.mul(normed), plain_sum.mul(plain_norm(plain_sum, rw)));
  expect_equal(x.grad(), rx.grad());
  expect_equal(r.grad(), rr.grad());
  expect_equal(weight.grad(), rw.grad());
}

TEST(Rope, TurnsPairsByTheAngleAndPassesTheTail) {
  const at::Tensor positions = at::tensor({0, 3, 7}, at::kLong);
  const std::vector<double> frequencies{1.0, 0.25};
  const auto [cos, sin] = ops::rope_tables(positions, frequencies, 1.5, at::kDouble);
  const at::Tensor x = leaf(random({3, 2, 6})), rx = leaf(x);
  const at::Tensor c = cos.unsqueeze(1), s = sin.unsqueeze(1), a = rx.narrow(2, 0, 2), b = rx.narrow(2, 2, 2);
  backward_both(ops::rope(x, cos, sin),
                at::cat({a.mul(c).sub(b.mul(s)), b.mul(c).add(a.mul(s)), rx.narrow(2, 4, 2)}, 2));
  expect_equal(x.grad(), rx.grad());
  EXPECT_NEAR(cos[1][1].item<double>(), 1.5 * std::cos(0.75), 1e-15);
}

TEST(Swiglu, ValueAndGradients) {
  const at::Tensor x = leaf(random({4, 10})), rx = leaf(x);
  backward_both(ops::swiglu(x), at::silu(rx.narrow(1, 0, 5)).mul(rx.narrow(1, 5, 5)));
  expect_equal(x.grad(), rx.grad());
}

/// Attention of one document, written out; a query sees the last `window` keys.
at::Tensor plain_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, double scale, int64_t window) {
  const int64_t rows = q.size(0), repeat = q.size(1) / k.size(1);
  auto heads = [&](const at::Tensor& x) { return x.repeat_interleave(q.size(1) / x.size(1), 1).transpose(0, 1); };
  EXPECT_GE(repeat, 1);
  const at::Tensor row = at::arange(rows), distance = row.unsqueeze(1).sub(row.unsqueeze(0));
  at::Tensor hidden = distance.lt(0);
  if (window > 0) hidden = hidden.logical_or(distance.ge(window));
  const at::Tensor scores = at::matmul(heads(q), heads(k).transpose(1, 2)).mul(scale).masked_fill(hidden, -INFINITY);
  return at::matmul(at::softmax(scores, -1), heads(v)).transpose(0, 1);
}

void check_attention(const std::vector<int64_t>& cu_seqlens, int64_t window) {
  const int64_t rows = cu_seqlens.back();
  const at::Tensor q = leaf(random({rows, 6, 4})), k = leaf(random({rows, 2, 4})), v = leaf(random({rows, 2, 4}));
  const at::Tensor rq = leaf(q), rk = leaf(k), rv = leaf(v);
  std::vector<at::Tensor> parts;
  for (size_t i = 0; i + 1 < cu_seqlens.size(); ++i) {
    const int64_t begin = cu_seqlens[i], length = cu_seqlens[i + 1] - begin;
    if (length == 0) continue;
    parts.push_back(plain_attention(rq.narrow(0, begin, length), rk.narrow(0, begin, length), rv.narrow(0, begin, length),
                                    0.3, window));
  }
  step::AttentionOptions options;
  options.scale = 0.3;
  options.window = window;
  backward_both(ops::attention(q, k, v, cu_seqlens, options), at::cat(parts));
  expect_equal(q.grad(), rq.grad());
  expect_equal(k.grad(), rk.grad());
  expect_equal(v.grad(), rv.grad());
}

TEST(Attention, UniformDocuments) { check_attention({0, 5, 10}, 0); }
TEST(Attention, RaggedDocuments) { check_attention({0, 3, 4, 4, 10}, 0); }
TEST(Attention, Window) { check_attention({0, 7, 9}, 3); }

TEST(Attention, LastRowsWithPastEqualTheWhole) {
  const at::Tensor q = random({7, 6, 4}), k = random({7, 2, 4}), v = random({7, 2, 4});
  step::AttentionOptions options;
  options.scale = 0.3;
  for (int64_t window : {0, 3}) {
    options.window = window;
    const at::Tensor whole = plain_attention(q, k, v, 0.3, window);
    for (int64_t rows : {1, 2, 7}) {
      expect_equal(ops::attention_with_past(q.narrow(0, 7 - rows, rows), k, v, options), whole.narrow(0, 7 - rows, rows));
    }
  }
}

TEST(LinearCrossEntropy, LossAndGradientsOverChunksIgnoredLabelsWeightsAndPadding) {
  TestParam head(random({8, 4}), /*published_rows=*/6);
  const at::Tensor x = leaf(random({5, 4})), rx = leaf(x), rw = leaf(head.param.weight());
  const at::Tensor labels = at::tensor({2, -100, 5, 0, 2}, at::kLong);
  const at::Tensor weights = at::tensor({1.0, 3.0, 0.5, 2.0, 0.25}, kWide);
  const at::Tensor log_p = at::log_softmax(at::matmul(rx, rw.narrow(0, 0, 6).t()), -1);
  const at::Tensor counted = weights.mul(labels.ne(-100));
  const at::Tensor reference = log_p.gather(1, labels.clamp_min(0).unsqueeze(1)).squeeze(1).mul(counted).sum().neg();
  reference.mul(0.7).backward();
  ops::CrossEntropyOptions options;
  options.labels = labels;
  options.row_weights = weights;
  options.seed = 0.7;
  options.chunk_rows = 2;
  step::RegionComm region;
  const at::Tensor loss = ops::linear_cross_entropy(x, head.param, options, region);
  loss.backward();
  expect_equal(loss, reference);
  expect_equal(x.grad(), rx.grad());
  expect_equal(head.grad(), rw.grad());
  EXPECT_EQ(head.storage.contributions, 1);
  EXPECT_EQ(ops::logits(x, head.param, region).size(1), 6);
}

TEST(LinearCrossEntropy, EvaluationLeavesNoGradient) {
  TestParam head(random({6, 4}));
  ops::CrossEntropyOptions options;
  options.labels = at::tensor({2, 1}, at::kLong);
  options.want_grad = false;
  step::RegionComm region;
  EXPECT_FALSE(ops::linear_cross_entropy(leaf(random({2, 4})), head.param, options, region).requires_grad());
  EXPECT_EQ(head.storage.contributions, 0);
}

TEST(Meta, EveryOpHasShapesWithoutData) {
  const auto meta = at::TensorOptions().device(at::kMeta);
  TestParam weight(at::empty({12, 4}, meta)), norm(at::empty({4}, meta));
  const at::Tensor ids = at::empty({6}, meta.dtype(at::kLong));
  const at::Tensor hidden = ops::rms_norm(ops::embedding(ids, weight.param), norm.param, 1e-5);
  const at::Tensor wide = ops::linear(hidden, weight.param);
  const auto [cos, sin] = ops::rope_tables(ids, std::vector<double>{1.0}, 1.0, at::kFloat);
  const at::Tensor turned = ops::rope(wide.view({6, 6, 2}), cos, sin);
  const at::Tensor attended = ops::attention(turned, turned, turned, {0, 2, 6}, {});
  const at::Tensor narrow = ops::swiglu(attended.view({6, 12})).narrow(1, 0, 4);
  ops::CrossEntropyOptions options;
  options.labels = ids;
  step::RegionComm region;
  ops::linear_cross_entropy(narrow, weight.param, options, region).backward();
  EXPECT_TRUE(weight.grad().is_meta());
  EXPECT_EQ(weight.storage.contributions, 3);
}

}  // namespace
}  // namespace loongforge::testing
