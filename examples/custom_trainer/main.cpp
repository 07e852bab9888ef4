// SPDX-License-Identifier: Apache-2.0
// A flow-matching diffusion transformer (Lipman et al. 2023; Peebles & Xie 2023) on small images, with the library's
// parallelism, checkpoints and resume: blocks, data, loss and weight average are defined here.
#include <ATen/ops/cat.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/tensor.h>
#include <loongforge/comm/process_group.h>
#include <loongforge/core/files.h>
#include <loongforge/core/rng.h>
#include <loongforge/launch/spawner.h>
#include <loongforge/ops/linear.h>
#include <loongforge/train/reporter.h>
#include <loongforge/train/trainer.h>

#include <cstdio>
#include <cstdlib>
using namespace loongforge;
using at::Tensor;
constexpr int64_t kPatch = 4, kGrid = 7, kPatches = kGrid * kGrid, kPixels = kPatch * kPatch;
struct DitConfig : spec::FamilyConfig { int64_t hidden, layers, heads; };
spec::ModelSpec parse(const nlohmann::ordered_json& json) {
  auto config = std::make_shared<DitConfig>();
  config->hidden = json.at("hidden_size"), config->layers = json.at("num_layers"), config->heads = json.at("num_heads");
  const int64_t h = config->hidden;
  const auto weight = [](std::string name, spec::Shape shape, spec::Init init = spec::init::Xavier{}) {
    return spec::plain_param(std::move(name), std::move(shape), spec::ModuleKind::other, init);
  };
  const std::vector<spec::StateEntry> flow{{"hidden", {"rows", h}, true}, {"time", {"images", h}, true}};
  spec::ModelSpec model{"flow_dit", config, json, {}};
  model.blocks.push_back({"embed", "embed", "dit", -1, {weight("patch.weight", {h, kPixels}), weight("position.weight", {kPatches, h}),
                          weight("time.weight", {h, 64})}, {}, flow, {2.0 * h * kPixels, 0, double(h)}});
  for (int64_t i = 0; i < config->layers; ++i) {
    const std::string name = "layers." + std::to_string(i);
    model.blocks.push_back({name, "dit", "dit", i, {weight(name + ".modulation.weight", {4 * h, h}, spec::init::Zeros{}),
                            weight(name + ".qkv.weight", {3 * h, h}), weight(name + ".out.weight", {h, h}),
                            weight(name + ".up.weight", {4 * h, h}), weight(name + ".down.weight", {h, 4 * h})},
                            flow, flow, {24.0 * h * h, 4.0 * h, 10.0 * h}});
  }
  model.blocks.push_back({"final", "final", "dit", -1, {weight("final.weight", {kPixels, h}, spec::init::Zeros{})}, flow, {},
                          {2.0 * h * kPixels, 0, double(h)}});
  return model;
}
struct EmbedBlock : nn::Block {
  explicit EmbedBlock(std::vector<step::Param*> p) : p(std::move(p)) {}
  step::State forward(step::State state, const step::MicroBatch& batch, step::StepContext&) override {
    const int64_t images = batch.get("time").size(0);
    const Tensor hidden = ops::linear(batch.get("noisy"), *p[0]).view({images, kPatches, -1}).add(p[1]->leaf());
    state.set("hidden", hidden.flatten(0, 1)), state.set("time", ops::linear(batch.get("time"), *p[2]));
    return state;
  }
  std::vector<step::Param*> p;
};
struct DitBlock : nn::Block {
  DitBlock(std::vector<step::Param*> p, const DitConfig& config) : p(std::move(p)), heads(config.heads) {}
  /// Layer norm, scaled and shifted by the image's time.
  static Tensor modulate(const Tensor& x, const Tensor& scale, const Tensor& shift) {
    const Tensor normed = at::layer_norm(x, {x.size(-1)}).view({scale.size(0), kPatches, -1});
    return normed.mul(scale.add(1.0).unsqueeze(1)).add(shift.unsqueeze(1)).flatten(0, 1);
  }
  step::State forward(step::State state, const step::MicroBatch& batch, step::StepContext& context) override {
    Tensor x = state.get("hidden");
    const auto m = ops::linear(at::silu(state.get("time")), *p[0]).chunk(4, -1);
    const auto qkv = ops::linear(modulate(x, m[0], m[1]), *p[1]).view({x.size(0), 3, heads, -1}).unbind(1);
    step::AttentionOptions options{1.0 / std::sqrt(double(qkv[0].size(-1))), /*causal=*/false, 0};
    const Tensor attended = context.seams.attention->attend(qkv[0], qkv[1], qkv[2], batch, options).flatten(1);
    x = x.add(ops::linear(attended, *p[2]));
    state.set("hidden", x.add(ops::linear(at::gelu(ops::linear(modulate(x, m[2], m[3]), *p[3])), *p[4])));
    return state;
  }
  std::vector<step::Param*> p;
  int64_t heads;
};
struct FinalBlock : nn::Block {
  explicit FinalBlock(std::vector<step::Param*> p) : p(std::move(p)) {}
  step::State forward(step::State state, const step::MicroBatch& batch, step::StepContext& context) override {
    const Tensor x = state.take("hidden"), time = state.take("time");
    const Tensor velocity = ops::linear(at::layer_norm(x, {x.size(-1)}), *p[0]);
    const Tensor error = velocity.sub(batch.get("velocity")).square().sum(-1).mul(batch.get("weights"));
    context.add_loss({"flow", error.sum(), 0, 1.0});
    return state;
  }
  std::vector<step::Param*> p;
};
/// Image index mod 2000, with noise and time drawn anew for each index: (1−t)·image + t·noise, velocity noise − image.
struct Fashion : data::Dataset {
  explicit Fashion(const std::string& file) : bytes(read_file(file)) {}
  int64_t size() const override { return 1'000'000; }
  std::string unit() const override { return "img"; }
  int64_t units(const step::MicroBatch& batch) const override { return batch.get("time").size(0); }
  void silence(step::MicroBatch& batch) const override { batch.tensors().at("weights").tensor.zero_(); }
  step::MicroBatch collate(const std::vector<int64_t>& indices, int64_t) const override {
    std::vector<float> noisy, velocity, times;
    std::vector<int64_t> borders{0};
    for (int64_t index : indices) {
      const RngKey key = rng_key(7, {name_hash("flow"), uint64_t(index)});
      const double t = uniform(key, 0);
      for (int64_t i = 0; i < kPatches * kPixels; ++i) {  // patch by patch
        const int64_t patch = i / kPixels, row = patch / kGrid * kPatch + i % kPixels / kPatch, column = patch % kGrid * kPatch + i % kPatch;
        const double pixel = uint8_t(bytes[16 + index % 2000 * 784 + row * 28 + column]) / 127.5 - 1, noise = normal(key, 1 + i);
        noisy.push_back(float((1 - t) * pixel + t * noise)), velocity.push_back(float(noise - pixel));
      }
      for (int64_t i = 0; i < 64; ++i) times.push_back(float(std::sin(t * std::pow(1.2, i))));
      borders.push_back(borders.back() + kPatches);
    }
    step::MicroBatch batch;
    const auto n = int64_t(indices.size());
    const std::vector<step::AxisRole> rows{step::AxisRole::sequence, step::AxisRole::none};
    batch.set("noisy", {at::tensor(noisy).view({-1, kPixels}), rows, "patches"});
    batch.set("velocity", {at::tensor(velocity).view({-1, kPixels}), rows, "patches"});
    batch.set("time", {at::tensor(times).view({n, -1}), {step::AxisRole::sample, step::AxisRole::none}, ""});
    batch.set("weights", {at::tensor(std::vector<float>(size_t(n * kPatches), 1.f)), {step::AxisRole::sequence}, "patches"});
    batch.set_host("cu_seqlens", borders), batch.set_host("extent.rows", {n * kPatches}), batch.set_host("extent.images", {n});
    return batch;
  }
  std::string bytes;
};
/// A moving average of the masters, kept by the program.
struct Average : train::Hook {
  void after_step(train::Trainer& trainer) override {
    const auto shards = trainer.stage().store().shards();
    for (size_t i = 0; i < shards.size(); ++i) {
      if (average.size() <= i) average.push_back(shards[i].master.clone());
      average[i].lerp_(shards[i].master, 0.01);
    }
  }
  std::vector<Tensor> average;
};
int main(int argc, char** argv) {
  if (argc == 4 && std::string(argv[2]) == "--ranks") return launch::spawn_workers({{argv[0], argv[1]}, std::atoi(argv[3])}).exit_code;
  train::Registry registry = train::Registry::builtin();
  registry.families.add({"flow_dit", "FlowDit", parse, {}});
  auto& model = registry.models["flow_dit"];
  model.blocks["embed"] = [](auto&, auto&, auto& params) { return std::make_unique<EmbedBlock>(params); };
  model.blocks["dit"] = [](auto&, auto& m, auto& params) { return std::make_unique<DitBlock>(params, static_cast<const DitConfig&>(*m.config)); };
  model.blocks["final"] = [](auto&, auto&, auto& params) { return std::make_unique<FinalBlock>(params); };
  model.loss_weights = [](const step::MicroBatch& batch) { return std::map<std::string, double, std::less<>>{{"flow", kPixels * batch.get("weights").sum().item<double>()}}; };
  registry.datasets["fashion"] = [](auto& config, auto&, train::Split split) { return split == train::Split::train ? std::make_shared<Fashion>(config.data.train.at(0)) : nullptr; };
  try {
    config::LoadOptions options; options.data_kinds = {"fashion"};
    const auto config = config::load_run_config(argc > 1 ? argv[1] : "config.yaml", options);
    comm::WorldOptions world; world.device = config.platform.device;
    train::Trainer(config, registry, comm::make_world(config.parallel.backend, launch::RankEnv::from_environment(), world), {train::make_reporter(config), std::make_shared<Average>()}).run();
  } catch (const Error& error) {
    std::fprintf(stderr, "error: %s\nhint: %s\n", error.what(), error.hint().c_str());
    return int(error.code());
  }
}
