// SPDX-License-Identifier: Apache-2.0
// Our CPU attention against the reference in fp64, over shapes, types, windows and divisions of the work. CTest runs it
// once for each instruction set.
#include <ATen/Parallel.h>
#include <ATen/ops/logaddexp.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "kernels/cpu/dispatch.h"
#include "loongforge/core/error.h"
#include "loongforge/ops/attention.h"
#include "ops/attention/reference.h"
#include "ops/attention/varlen.h"

namespace loongforge::ops {
namespace {

class AttentionKernel : public ::testing::Test {
 protected:
  void SetUp() override {
    try {
      cpu::kernels();
    } catch (const ConfigError& error) {
      GTEST_SKIP() << error.what() << "; " << error.hint();
    }
  }
};

struct Case {
  std::vector<int64_t> lengths;
  int64_t heads = 1, kv_heads = 1, head_dim = 64;
  at::ScalarType type = at::kFloat;
  step::AttentionOptions options{};
};

struct Inputs {
  at::Tensor q, k, v, d_out;
  std::vector<int64_t> borders{0};

  explicit Inputs(const Case& c) {
    for (int64_t length : c.lengths) borders.push_back(borders.back() + length);
    const int64_t rows = borders.back();
    auto random = [&](int64_t heads) { return at::randn({rows, heads, c.head_dim}).to(c.type); };
    q = random(c.heads);
    k = random(c.kv_heads);
    v = random(c.kv_heads);
    d_out = random(c.heads);
  }
};

struct Results {
  at::Tensor out;
  step::Tensors grads;
};

Results reference(const Inputs& in, const step::AttentionOptions& options) {
  auto leaf = [](const at::Tensor& x) { return x.to(at::kDouble).detach().set_requires_grad(true); };
  const at::Tensor q = leaf(in.q), k = leaf(in.k), v = leaf(in.v);
  const at::Tensor out = attention_reference(q, k, v, in.borders, options);
  out.backward(in.d_out.to(at::kDouble));
  return {out.detach(), {q.grad(), k.grad(), v.grad()}};
}

Results ours(const Inputs& in, const step::AttentionOptions& options, const Tuning& tuning = {}) {
  const DocumentBorders borders{in.borders, in.borders};
  const Attended attended = varlen_forward(in.q, in.k, in.v, borders, options, tuning);
  return {attended.out, varlen_backward(in.d_out, in.q, in.k, in.v, attended, borders, options, tuning)};
}

Tuning tuned(Division division, bool bf16_pairs) {
  Tuning tuning;
  tuning.division = division;
  tuning.bf16_pairs = bf16_pairs;
  return tuning;
}

double error(const at::Tensor& ours, const at::Tensor& truth, double floor) {
  const double scale = std::max(floor, truth.abs().max().item<double>());
  return ours.to(at::kDouble).sub(truth).abs().max().item<double>() / scale;
}

/// Of the greatest value: a few roundings of sums in fp32, or of the storage type.
double tolerance(at::ScalarType type) {
  if (type == at::kFloat) return 1e-5;
  return type == at::kHalf ? 3e-3 : 2e-2;
}

void check(const Case& c) {
  const Inputs in(c);
  const Results truth = reference(in, c.options);
  std::string what = std::string(c10::toString(c.type)) + " heads " + std::to_string(c.heads) + "/" +
                     std::to_string(c.kv_heads) + " dim " + std::to_string(c.head_dim) + " window " +
                     std::to_string(c.options.window) + " lengths";
  for (int64_t length : c.lengths) what += " " + std::to_string(length);
  SCOPED_TRACE(what);
  // With one visible key each, gradients of q and k are zero but for rounding: judged against those of v.
  const double size = truth.grads[2].abs().max().item<double>();
  for (bool pairs : {false, true}) {
    if (pairs && c.type != at::kBFloat16) continue;
    const Results result = ours(in, c.options, tuned(Division::automatic, pairs));
    EXPECT_LE(error(result.out, truth.out, 0), tolerance(c.type));
    for (int i = 0; i < 3; ++i)
      EXPECT_LE(error(result.grads[i], truth.grads[i], size / 4), tolerance(c.type)) << "qkv"[i];
  }
}

Case with(Case c, at::ScalarType type, int64_t window, bool causal, double scale) {
  c.type = type;
  c.options.window = window;
  c.options.causal = causal;
  c.options.scale = scale / std::sqrt(static_cast<double>(c.head_dim));
  return c;
}

const at::ScalarType kTypes[] = {at::kFloat, at::kBFloat16, at::kHalf};

TEST_F(AttentionKernel, HeadGroupsAndLengths) {
  const std::vector<Case> cases{{{513}, 6, 2, 64}, {{1, 2, 127}, 8, 4, 64},     {{128, 129}, 1, 1, 128},
                                {{1}, 6, 2, 32},   {{2, 0, 300, 5}, 6, 2, 128}, {{127, 128}, 8, 4, 32}};
  for (const Case& c : cases) {
    for (at::ScalarType type : kTypes) check(with(c, type, 0, true, 1));
  }
}

TEST_F(AttentionKernel, AnyHeadDim) {
  for (int64_t head_dim : {1, 3, 16, 17, 33, 72, 80, 96, 100, 255, 256}) {
    for (at::ScalarType type : kTypes) check(with({{130, 9}, 4, 2, head_dim}, type, 0, true, 1));
  }
}

TEST_F(AttentionKernel, FullAndWindows) {
  for (bool causal : {true, false}) {
    for (int64_t window : {0, 1, 5, 128, 200, 1000}) {
      for (at::ScalarType type : {at::kFloat, at::kBFloat16})
        check(with({{300, 1, 140}, 2, 1, 64}, type, window, causal, 1));
    }
  }
}

TEST_F(AttentionKernel, SharpScores) {
  for (at::ScalarType type : kTypes) check(with({{260}, 2, 1, 64}, type, 0, true, 8));
}

TEST_F(AttentionKernel, StridedInputs) {
  const Case c = with({{70, 61}, 6, 2, 64}, at::kFloat, 0, true, 1);
  Inputs in(c);
  const at::Tensor fused = at::randn({131, 2, 5, 64});
  const Results plain = [&] {
    in.k = fused.select(2, 3).contiguous();
    in.v = fused.select(2, 4).contiguous();
    return ours(in, c.options);
  }();
  in.k = fused.select(2, 3);
  in.v = fused.select(2, 4);
  in.q = in.q.transpose(0, 1).contiguous().transpose(0, 1);
  in.d_out = in.d_out.transpose(1, 2).contiguous().transpose(1, 2);
  const Results strided = ours(in, c.options);
  EXPECT_TRUE(strided.out.equal(plain.out));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(strided.grads[i].equal(plain.grads[i])) << "qkv"[i];
}

TEST_F(AttentionKernel, SameBitsForAnyDivisionAndThreads) {
  const int before = at::get_num_threads();
  for (at::ScalarType type : kTypes) {
    for (const auto& [window, pairs] : {std::pair{0, false}, {150, false}, {0, true}}) {
      const Case c = with({{700, 33, 257}, 6, 2, 64}, type, window, true, 1);
      const Inputs in(c);
      at::set_num_threads(1);
      const Results one = ours(in, c.options, tuned(Division::whole, pairs));
      for (int threads : {1, 2, 5}) {
        at::set_num_threads(threads);
        for (Division division : {Division::automatic, Division::whole, Division::divided}) {
          const Results other = ours(in, c.options, tuned(division, pairs));
          EXPECT_TRUE(other.out.equal(one.out)) << threads;
          for (int i = 0; i < 3; ++i) EXPECT_TRUE(other.grads[i].equal(one.grads[i])) << threads << "qkv"[i];
        }
      }
    }
  }
  at::set_num_threads(before);
}

/// One document's queries over two halves of its keys, merged by their log-sum-exps, are the whole.
TEST_F(AttentionKernel, PartsMergeThroughTheirLogSumExp) {
  const Inputs in(with({{200}, 6, 2, 64}, at::kFloat, 0, false, 1));
  step::AttentionOptions options;
  options.scale = 0.125;
  options.causal = false;
  const Attended whole = varlen_forward(in.q, in.k, in.v, {{0, 200}, {0, 200}}, options);
  auto part = [&](int64_t begin, int64_t keys) {
    return varlen_forward(in.q, in.k.narrow(0, begin, keys), in.v.narrow(0, begin, keys), {{0, 200}, {0, keys}},
                          options);
  };
  const Attended a = part(0, 77), b = part(77, 123);
  const at::Tensor lse = at::logaddexp(a.lse, b.lse);
  auto weight = [&](const at::Tensor& l) { return l.sub(lse).exp().t().unsqueeze(2); };
  EXPECT_LE(error(lse, whole.lse.to(at::kDouble), 0), 1e-6);
  EXPECT_LE(error(a.out.mul(weight(a.lse)).add(b.out.mul(weight(b.lse))), whole.out.to(at::kDouble), 0), 1e-5);
}

TEST_F(AttentionKernel, LastQueriesOfMoreKeysAndQueriesThatSeeNone) {
  const Inputs in(with({{260}, 2, 1, 64}, at::kFloat, 0, true, 1));
  step::AttentionOptions options;
  options.scale = 0.125;
  for (int64_t window : {0, 40}) {
    options.window = window;
    const Attended whole = varlen_forward(in.q, in.k, in.v, {{0, 260}, {0, 260}}, options);
    const Attended last = varlen_forward(in.q.narrow(0, 190, 70), in.k, in.v, {{0, 70}, {0, 260}}, options);
    EXPECT_LE(error(last.out, whole.out.narrow(0, 190, 70).to(at::kDouble), 0), 1e-6);
    EXPECT_LE(error(last.lse, whole.lse.narrow(1, 190, 70).to(at::kDouble), 0), 1e-6);
  }
  options.window = 0;
  const DocumentBorders borders{{0, 260}, {0, 100}};  // queries before 160 stand before the first key
  const at::Tensor k = in.k.narrow(0, 0, 100), v = in.v.narrow(0, 0, 100);
  const Attended few = varlen_forward(in.q, k, v, borders, options);
  EXPECT_EQ(few.out.narrow(0, 0, 160).abs().max().item<float>(), 0);
  EXPECT_EQ(few.lse.narrow(1, 0, 160).max().item<float>(), -std::numeric_limits<float>::infinity());
  const auto grads = varlen_backward(in.d_out, in.q, k, v, few, borders, options);
  EXPECT_EQ(grads[0].narrow(0, 0, 160).abs().max().item<float>(), 0);
  EXPECT_TRUE(grads[1].isfinite().all().item<bool>());
}

/// Rows [0, 150) of a causal document that depend on row 100 of one input: in out, dq, dk, dv as {begin, end}.
struct Reached {
  int64_t out[2], dq[2], dk[2], dv[2];
};
const Reached kReached[] = {{{100, 101}, {100, 101}, {0, 101}, {0, 101}},  // of q
                            {{100, 150}, {100, 150}, {0, 150}, {0, 150}},  // of k
                            {{100, 150}, {100, 150}, {0, 150}, {0, 0}}};   // of v, on which dv doesn't depend

void expect_not_finite(const at::Tensor& x, const int64_t (&rows)[2]) {
  EXPECT_FALSE(x.narrow(0, rows[0], rows[1] - rows[0]).isfinite().any().item<bool>());
}

/// A value that is no number must show in every result that depends on it.
TEST_F(AttentionKernel, NonFiniteInputsShow) {
  for (at::ScalarType type : kTypes) {
    for (float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      for (int input = 0; input < 3; ++input) {
        const Case c = with({{150}, 2, 1, 64}, type, 0, true, 1);
        Inputs in(c);
        const at::Tensor* tensors[] = {&in.q, &in.k, &in.v};
        tensors[input]->select(0, 100).fill_(bad);
        SCOPED_TRACE(std::string("qkv").substr(static_cast<size_t>(input), 1) + " " + c10::toString(type));
        const Results result = ours(in, c.options);
        expect_not_finite(result.out, kReached[input].out);
        expect_not_finite(result.grads[0], kReached[input].dq);
        expect_not_finite(result.grads[1], kReached[input].dk);
        expect_not_finite(result.grads[2], kReached[input].dv);
      }
    }
  }
}

TEST_F(AttentionKernel, GradientsFlowThroughTheRecordedOp) {
  const Case c = with({{40, 25}, 6, 2, 32}, at::kFloat, 0, true, 1);
  const Inputs in(c);
  auto leaf = [](const at::Tensor& x) { return x.detach().clone().set_requires_grad(true); };
  const at::Tensor q = leaf(in.q), k = leaf(in.k), v = leaf(in.v);
  const at::Tensor out = attention(q, k, v, in.borders, c.options);
  out.backward(in.d_out);
  const Results direct = ours(in, c.options);
  EXPECT_TRUE(out.equal(direct.out));
  EXPECT_TRUE(q.grad().equal(direct.grads[0]));
  EXPECT_TRUE(k.grad().equal(direct.grads[1]));
  EXPECT_TRUE(v.grad().equal(direct.grads[2]));
}

}  // namespace
}  // namespace loongforge::ops
