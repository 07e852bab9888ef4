// SPDX-License-Identifier: Apache-2.0
// Adapters on a decoder's fused and row-parallel linears, under tensor parallelism with split groups and sharded weights.
#include "loongforge/parallel/lora.h"

#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "loongforge/core/error.h"
#include "loongforge/nn/linear.h"
#include "loongforge/ops/linear.h"
#include "loongforge/parallel/region.h"
#include "unit/parallel/fixtures.h"

namespace loongforge::parallel {
namespace {

constexpr int64_t kRows = 5;
constexpr std::string_view kPrefix = "base_model.model.", kDown = ".lora_A.weight";

spec::ModelSpec decoder() {
  return spec::Registry::builtin().parse(nlohmann::ordered_json::parse(R"({
    "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 24, "intermediate_size": 20,
    "num_hidden_layers": 1, "num_attention_heads": 6, "num_key_value_heads": 2, "head_dim": 4, "vocab_size": 32,
    "rms_norm_eps": 1e-6, "max_position_embeddings": 64})"));
}

LoraConfig config() { return {.rank = 3, .alpha = 12, .targets = {"q_proj", "v_proj", "*.mlp.*_proj", "gate_proj", "o_proj"}}; }

const spec::ParamSpec& base_of(const spec::ModelSpec& model, const std::string& suffix) {
  for (const auto& param : model.blocks[1].params) {
    if (param.name.ends_with(suffix)) return param;
  }
  throw std::logic_error(suffix);
}

// A rank's part of a whole [rows, width] tensor whose columns are a parameter's rows (or its inputs: along_input). What
// several ranks hold enters the loss with their share only.
at::Tensor local_part(const at::Tensor& whole, const step::Param& param, bool along_input, bool share) {
  const spec::LocalLayout& layout = param.layout();
  const size_t last = layout.shape.size() - 1;
  spec::Shape logical = param.spec().logical_shape, local = layout.shape;
  const auto dims = [&](spec::Shape shape) {
    shape = along_input ? spec::Shape{shape[last]} : spec::Shape(shape.begin(), shape.end() - 1);
    shape.insert(shape.begin(), kRows);
    return shape;
  };
  const auto cut = [&](at::Tensor tensor, const spec::Box& box) {
    for (size_t d = 1; d < static_cast<size_t>(tensor.dim()); ++d) {
      const size_t of = along_input ? last : d - 1;
      tensor = tensor.narrow(static_cast<int64_t>(d), box.start[of], box.size[of]);
    }
    return tensor;
  };
  at::Tensor part = at::zeros(dims(local), at::kDouble);
  for (const spec::BoxMap& map : layout.boxes) cut(part, map.local).copy_(cut(whole.view(dims(logical)), map.logical));
  for (const spec::Box& box : layout.shared_boxes) {
    if (share) cut(part, box).div_(static_cast<double>(layout.shared_ranks));
  }
  return part.reshape({kRows, -1});
}

at::Tensor noise(uint64_t key, spec::Shape shape) {
  at::Tensor tensor = at::zeros(shape, at::kDouble);
  for (int64_t i = 0; i < tensor.numel(); ++i) tensor.data_ptr<double>()[i] = normal({key}, static_cast<uint64_t>(i));
  return tensor;
}

struct Linear {
  const char* suffix;
  bool row;
};
constexpr Linear kLinears[] = {{"qkv_proj.weight", false}, {"gate_up_proj.weight", false}, {"o_proj.weight", true}, {"down_proj.weight", true}};

int64_t outputs(const spec::ParamSpec& param) { return spec::numel(param.logical_shape) / param.logical_shape.back(); }
at::Tensor input_of(const spec::ParamSpec& param) { return noise(1, {kRows, param.logical_shape.back()}); }
at::Tensor seeds_of(const spec::ParamSpec& param) { return noise(2, {kRows, outputs(param)}); }

void fill_up_weights(ParamStore& store) {
  for (const comm::PlacedBox& box : store.placed({"master"})) {
    if (box.spec->name.find("lora_B") == std::string::npos) continue;
    at::Tensor values = noise(name_hash(box.spec->name), box.spec->logical_shape);
    for (size_t d = 0; d < box.logical.start.size(); ++d) values = values.narrow(d, box.logical.start[d], box.logical.size[d]);
    box.data.copy_(values);
  }
  store.refresh_weights();
}

struct Result {
  Whole grads, values;
};

// One forward and backward of each linear: loss Σ seed·y².
void run_layout(const spec::MeshSizes& sizes, int zero, Result& result) {
  spec::ModelSpec model = decoder();
  add_lora(model, config());
  on_mesh(sizes, [&](const RankSetup& rank) {
    ParamStore store(model, {0, 0, 0}, rank.mesh, rank.groups, {.compute = Dtype::f64, .zero = zero});
    store.initialise(3);
    fill_up_weights(store);
    attach_lora(model, config(), store);
    auto region = make_region(rank.groups.tp, false);
    store.begin_step(1);
    store.hooks()->before_forward(1);
    at::Tensor loss = at::zeros({}, at::kDouble);
    for (const Linear& linear : kLinears) {
      const step::Param& base = *store.find(base_of(model, linear.suffix).name);
      at::Tensor input = input_of(base.spec()).requires_grad_(true), y;
      if (linear.row) {
        const at::Tensor part = local_part(input.detach(), base, true, false);
        y = nn::row_linear(part, base, nullptr, *region).square().mul(seeds_of(base.spec()));
      } else {
        y = ops::linear(region->enter(input), base).square().mul(local_part(seeds_of(base.spec()), base, false, true));
      }
      loss = loss.add(y.sum());
    }
    loss.div(sizes.dp).backward();
    store.hooks()->after_backward(1);
    store.finish_gradients();
    result.grads.add(store.placed({"grad"}));
    result.values.add(store.placed({"master"}));
  });
}

// The same with each published linear's weight merged by hand: W + scaling·B·A.
std::map<std::string, at::Tensor> merged_gradients(const Result& one) {
  spec::ModelSpec model = decoder();
  add_lora(model, config());
  std::map<std::string, at::Tensor> grads;
  for (const Linear& linear : kLinears) {
    const spec::ParamSpec& base = base_of(model, linear.suffix);
    const std::string stem = "base_model.model." + base.name.substr(0, base.name.size() - 7);
    const int64_t in = base.logical_shape.back(), out = outputs(base);
    at::Tensor a = one.values.tensors_.at(stem + ".lora_A.weight").clone().requires_grad_(true);
    at::Tensor b = one.values.tensors_.at(stem + ".lora_B.weight").clone().requires_grad_(true);
    at::Tensor update = at::zeros({out, in}, at::kDouble);
    for (const spec::Piece& down : base_of(model, stem + ".lora_A.weight").pieces) {
      const std::string module = down.hf_name.substr(kPrefix.size(), down.hf_name.size() - kPrefix.size() - kDown.size());
      at::Tensor mask = at::zeros(spec::Shape(base.logical_shape.begin(), base.logical_shape.end() - 1), at::kDouble);
      for (const spec::Piece& piece : base.pieces) {
        if (piece.hf_name != module + ".weight") continue;
        at::Tensor rows = mask;
        for (int64_t d = 0; d < mask.dim(); ++d) rows = rows.narrow(d, piece.dst_box.start[d], piece.dst_box.size[d]);
        rows.fill_(1);
      }
      const at::Tensor own = b.view({out, -1}).mul(mask.view({out, 1}));
      update = update.add(at::mm(own, a.narrow(0, down.dst_box.start[0], 3)));
    }
    const at::Tensor weight = one.values.tensors_.at(base.name).view({out, in}).add(update, config().scaling());
    at::mm(input_of(base), weight.t()).square().mul(seeds_of(base)).sum().backward();
    grads[stem + ".lora_A.weight"] = a.grad();
    grads[stem + ".lora_B.weight"] = b.grad();
  }
  return grads;
}

void expect_equal(const std::map<std::string, at::Tensor>& got, const std::map<std::string, at::Tensor>& want) {
  ASSERT_EQ(got.size(), want.size());
  for (const auto& [name, grad] : want) {
    const double scale = grad.abs().max().item<double>();
    EXPECT_GT(scale, 0) << name;
    EXPECT_LE(got.at(name).sub(grad).abs().max().item<double>() / scale, 1e-12) << name;
  }
}

TEST(Lora, GradientsAreThoseOfMergedWeights) {
  Result one;
  run_layout({}, 0, one);
  expect_equal(one.grads.tensors_, merged_gradients(one));
}

TEST(Lora, GradientsDoNotDependOnTheLayout) {
  Result one;
  run_layout({}, 0, one);
  for (const auto& [sizes, zero] : std::vector<std::pair<spec::MeshSizes, int>>{{{.tp = 2}, 0}, {{.tp = 4}, 0}, {{.tp = 2, .dp = 2}, 1}, {{.tp = 2, .dp = 3}, 3}}) {
    Result got;
    run_layout(sizes, zero, got);
    expect_equal(got.grads.tensors_, one.grads.tensors_);
    for (const auto& [name, value] : one.values.tensors_) EXPECT_TRUE(got.values.tensors_.at(name).equal(value)) << name;
  }
}

TEST(Lora, NamesAndShapesAreThoseOfPeft) {
  spec::ModelSpec model = decoder();
  add_lora(model, {.rank = 4});
  std::map<std::string, spec::Shape> shapes;
  for (const spec::ParamSpec* param : model.distinct_params()) {
    if (param->name.find("lora_") == std::string::npos) {
      EXPECT_EQ(param->update, spec::Update::frozen) << param->name;
      continue;
    }
    for (const spec::Piece& piece : param->pieces) shapes[piece.hf_name] = piece.hf_shape;
  }
  EXPECT_EQ(shapes.size(), 14u);
  const std::string layer = "base_model.model.model.layers.0.";
  EXPECT_EQ(shapes.at(layer + "self_attn.k_proj.lora_A.weight"), (spec::Shape{4, 24}));
  EXPECT_EQ(shapes.at(layer + "self_attn.k_proj.lora_B.weight"), (spec::Shape{8, 4}));
  EXPECT_EQ(shapes.at(layer + "mlp.down_proj.lora_A.weight"), (spec::Shape{4, 20}));
}

TEST(Lora, StartsAsTheBaseAndRefusesUnknownTargets) {
  spec::ModelSpec model = decoder();
  EXPECT_THROW(add_lora(model, {.targets = {"q_porj"}}), ConfigError);
  EXPECT_THROW(add_lora(model, {.rank = 0}), ConfigError);
  spec::ModelSpec fresh = decoder();
  add_lora(fresh, config());
  on_mesh({}, [&](const RankSetup& rank) {
    ParamStore store(fresh, {0, 0, 0}, rank.mesh, rank.groups, {});
    store.initialise(3);
    const step::Param& base = *store.find(base_of(fresh, "qkv_proj.weight").name);
    const at::Tensor x = noise(4, {kRows, 24}).to(at::kFloat), before = ops::linear(x, base).detach();
    attach_lora(fresh, config(), store);
    EXPECT_NE(base.adapter(), nullptr);
    EXPECT_TRUE(ops::linear(x, base).equal(before));
    EXPECT_GT(base.adapter()->a->weight().abs().max().item<double>(), 0.5 / std::sqrt(24.0));
  });
}

}  // namespace
}  // namespace loongforge::parallel
