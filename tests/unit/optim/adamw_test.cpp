// SPDX-License-Identifier: Apache-2.0
#include "loongforge/optim/adamw.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <limits>

#include "loongforge/core/error.h"
#include "loongforge/optim/ema.h"
#include "unit/optim/golden.h"

namespace loongforge::optim {
namespace {

constexpr const char* kNames[] = {"model.embed_tokens.weight", "model.layers.0.input_layernorm.weight",
                                  "model.layers.0.self_attn.q_proj.weight", "model.layers.0.mlp.down_proj.weight",
                                  "model.norm.weight"};

using Golden = std::map<std::string, at::Tensor>;

double max_error(const at::Tensor& got, const at::Tensor& want) {
  const double error = got.to(at::kDouble).sub(want.to(at::kDouble)).abs().max().item<double>();
  return error / want.abs().max().item<double>();
}

struct Flat {
  step::FlatShard shard;
  std::map<std::string, step::FlatSegment> place;
  at::Tensor view(const at::Tensor& flat, const std::string& name, const Golden& golden) const {
    const auto& segment = place.at(name);
    return flat.narrow(0, segment.begin, segment.end - segment.begin).view(golden.at("start.param." + name).sizes());
  }
};

// All tensors in one flat shard with gaps; each segment with or without weight decay.
Flat flatten(const Golden& golden, at::ScalarType dtype, bool decay) {
  Flat flat;
  int64_t size = 0;
  for (const char* name : kNames) {
    const int64_t count = golden.at(std::string("start.param.") + name).numel();
    flat.place[name] = {size, size + count, 1.0, decay};
    size += count + 7;
  }
  flat.shard.master = at::zeros({size}, dtype);
  flat.shard.grad = at::zeros({size}, dtype);
  flat.shard.weight = flat.shard.master;
  for (const char* name : kNames) {
    flat.view(flat.shard.master, name, golden).copy_(golden.at(std::string("start.param.") + name));
    flat.shard.segments.push_back(flat.place.at(name));
  }
  return flat;
}

AdamWConfig golden_config(const Golden& golden) {
  AdamWConfig config;
  config.beta1 = golden.at("betas")[0].item<double>();
  config.beta2 = golden.at("betas")[1].item<double>();
  config.eps = golden.at("eps").item<double>();
  config.weight_decay = golden.at("weight_decay").item<double>();
  return config;
}

void run_three_steps(const Golden& golden, Flat& flat, Optimizer& optimizer, const std::string& label, double tolerance) {
  optimizer.attach(std::span(&flat.shard, 1));
  for (int step = 0; step < 3; ++step) {
    for (const char* name : kNames) {
      flat.view(flat.shard.grad, name, golden).copy_(golden.at("start.grad." + std::to_string(step + 1) + "." + name));
    }
    const at::Tensor norm = at::linalg_vector_norm(flat.shard.grad.to(at::kDouble));
    const double want = golden.at(label + ".grad_norm")[step].item<double>();
    EXPECT_NEAR(norm.item<double>(), want, tolerance * want);
    optimizer.step(golden.at("lr")[step].item<double>(), decide(norm, golden.at("max_norm").item<double>()));
  }
}

void expect_golden(at::ScalarType dtype, const std::string& label, double tolerance) {
  const Golden golden = golden::read_tensors("adamw.safetensors");
  Flat flat = flatten(golden, dtype, true);
  auto optimizer = make_adamw(golden_config(golden));
  run_three_steps(golden, flat, *optimizer, label, tolerance);
  for (const std::string name : kNames) {
    EXPECT_LE(max_error(flat.view(flat.shard.master, name, golden), golden.at(label + ".param." + name)), tolerance) << name;
    for (const std::string state : {"exp_avg", "exp_avg_sq"}) {
      EXPECT_LE(max_error(flat.view(flat.shard.state.at(state), name, golden), golden.at(label + "." + state + "." + name)),
                tolerance) << state << name;
    }
  }
  Flat plain = flatten(golden, dtype, false);
  auto without_decay = make_adamw(golden_config(golden));
  run_three_steps(golden, plain, *without_decay, label, tolerance);
  for (const std::string name : {kNames[1], kNames[4]}) {
    EXPECT_LE(max_error(plain.view(plain.shard.master, name, golden), golden.at(label + ".no_decay.param." + name)), tolerance);
  }
}

TEST(AdamW, EqualsTorchInFp64) { expect_golden(at::kDouble, "fp64", 1e-12); }
TEST(AdamW, EqualsTorchInFp32) { expect_golden(at::kFloat, "fp32", 1e-6); }

step::FlatShard small_shard(at::ScalarType weight) {
  step::FlatShard shard;
  shard.master = at::ones({300}, at::kFloat);
  shard.grad = at::full({300}, 0.5, at::kFloat);
  shard.weight = weight == at::kFloat ? shard.master : at::ones({300}, weight);
  shard.segments = {{0, 100, 1.0, true}, {100, 200, 0.0, true}, {200, 300, 2.0, false}};
  return shard;
}

TEST(AdamW, SegmentsHaveTheirOwnRates) {
  step::FlatShard shard = small_shard(at::kFloat);
  auto optimizer = make_adamw({.eps = 0, .weight_decay = 0.5});
  optimizer->attach(std::span(&shard, 1));
  optimizer->step(0.1, decide(at::ones({}, at::kDouble), 0));
  EXPECT_NEAR(shard.master[50].item<double>(), 0.95 - 0.1, 1e-6);
  EXPECT_EQ(shard.master[150].item<double>(), 1.0);
  EXPECT_NEAR(shard.master[250].item<double>(), 1.0 - 0.2, 1e-6);
}

TEST(AdamW, NonFiniteNormSkipsEverything) {
  step::FlatShard shard = small_shard(at::kFloat), clean = small_shard(at::kFloat);
  auto optimizer = make_adamw({}), reference = make_adamw({});
  optimizer->attach(std::span(&shard, 1));
  reference->attach(std::span(&clean, 1));
  Ema ema(0.9);
  ema.attach(std::span(&shard, 1));
  for (double bad : {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    const at::Tensor good_grad = shard.grad.clone();
    shard.grad.fill_(bad);
    const GradientDecision decision = decide(at::full({}, bad, at::kDouble), 1.0);
    optimizer->step(0.1, decision);
    ema.update(decision);
    shard.grad.copy_(good_grad);
    const at::Tensor losses = at::full({2}, 0.5, at::kFloat);
    losses[1].fill_(bad);
    optimizer->step(0.1, decide(at::ones({}, at::kDouble), 1.0, 1.0, losses));
  }
  EXPECT_TRUE(shard.master.equal(clean.master));
  EXPECT_TRUE(shard.state.at("ema").equal(clean.master));
  EXPECT_EQ(shard.state.at("exp_avg").abs().max().item<double>(), 0.0);
  EXPECT_EQ(optimizer->counts().skipped, 4);
  EXPECT_EQ(optimizer->counts().taken, 0);
  const GradientDecision fine = decide(at::ones({}, at::kDouble), 0, 1.0, at::ones({2}, at::kFloat));
  optimizer->step(0.1, fine);
  reference->step(0.1, fine);
  EXPECT_TRUE(shard.master.equal(clean.master));
  EXPECT_EQ(optimizer->counts().taken, 1);
}

TEST(AdamW, WritesRoundedWeightsAndReadsNarrowMoments) {
  step::FlatShard shard = small_shard(at::kBFloat16), wide = small_shard(at::kBFloat16);
  auto narrow = make_adamw({.moments = Dtype::bf16}), full = make_adamw({});
  narrow->attach(std::span(&shard, 1));
  full->attach(std::span(&wide, 1));
  EXPECT_EQ(shard.state.at("exp_avg").scalar_type(), at::kBFloat16);
  for (int step = 0; step < 3; ++step) {
    for (auto* optimizer : {narrow.get(), full.get()}) optimizer->step(0.1, decide(at::ones({}, at::kDouble), 0));
  }
  EXPECT_TRUE(shard.weight.equal(shard.master.to(at::kBFloat16)));
  EXPECT_TRUE(wide.weight.equal(wide.master.to(at::kBFloat16)));
  EXPECT_LE(max_error(shard.master, wide.master), 2e-2);
  EXPECT_FALSE(shard.master.equal(wide.master));
}

TEST(AdamW, TakesGradientsOfAnotherType) {
  step::FlatShard shard = small_shard(at::kBFloat16), wide = small_shard(at::kBFloat16);
  shard.grad = shard.grad.to(at::kBFloat16);
  for (step::FlatShard* each : {&shard, &wide}) {
    auto optimizer = make_adamw({});
    optimizer->attach(std::span(each, 1));
    optimizer->step(0.1, decide(at::ones({}, at::kDouble), 0));
  }
  EXPECT_TRUE(shard.master.equal(wide.master));
}

TEST(AdamW, CountsAreRestored) {
  step::FlatShard shard = small_shard(at::kFloat), whole = small_shard(at::kFloat);
  auto first = make_adamw({}), second = make_adamw({}), uninterrupted = make_adamw({});
  first->attach(std::span(&shard, 1));
  uninterrupted->attach(std::span(&whole, 1));
  const GradientDecision fine = decide(at::ones({}, at::kDouble), 0);
  first->step(0.1, fine);
  const auto state = shard.state;
  second->attach(std::span(&shard, 1));
  for (const auto& [name, value] : state) shard.state.at(name).copy_(value);
  second->set_counts(first->counts());
  second->step(0.1, fine);
  uninterrupted->step(0.1, fine);
  uninterrupted->step(0.1, fine);
  EXPECT_TRUE(shard.master.equal(whole.master));
}

TEST(AdamW, RefusesImpossibleBetas) { EXPECT_THROW(make_adamw({.beta1 = 1.0}), ConfigError); }

TEST(Ema, FollowsAndSwaps) {
  step::FlatShard shard = small_shard(at::kFloat);
  Ema ema(0.75);
  ema.attach(std::span(&shard, 1));
  shard.master.fill_(3.0);
  ema.update(decide(at::ones({}, at::kDouble), 0));
  ema.swap();
  EXPECT_EQ(shard.master[0].item<double>(), 1.5);
  EXPECT_EQ(shard.state.at("ema")[0].item<double>(), 3.0);
}

}  // namespace
}  // namespace loongforge::optim
