// SPDX-License-Identifier: Apache-2.0
// Logits, loss and every gradient against transformers (tests/parity/README.md has the rules).
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "loongforge/ckpt/model_dir.h"
#include "support/tiny_model.h"

namespace loongforge::testing {
namespace {

const std::filesystem::path kGolden = std::filesystem::path(LF_SOURCE_DIR) / "tests/golden";

Published read_all(const ckpt::TensorSet& set) {
  Published result;
  for (const std::string& name : set.names()) result[name] = set.tensor(name).clone();
  return result;
}

TinyModel open_model(const std::string& name, at::ScalarType dtype) {
  const ckpt::ModelDir directory(kGolden / "models" / name);
  TinyModel model(directory.config(), dtype);
  model.load(read_all(directory.tensors()));
  return model;
}

struct Errors {
  double max = 0, norm = 0;
};

Errors errors(const at::Tensor& value, const at::Tensor& reference) {
  const at::Tensor b = reference.to(at::kDouble).reshape({-1}), d = value.to(at::kDouble).reshape({-1}).sub(b);
  return {d.abs().max().item<double>() / b.abs().max().item<double>(),
          d.square().sum().sqrt().item<double>() / b.square().sum().sqrt().item<double>()};
}

void expect_near(const std::string& key, const at::Tensor& value, const at::Tensor& reference, double tolerance) {
  EXPECT_EQ(value.numel(), reference.numel()) << key;
  EXPECT_LE(errors(value, reference).max, tolerance) << key;
}

std::string dtype_prefix(at::ScalarType dtype) {
  return dtype == at::kDouble ? "fp64." : dtype == at::kBFloat16 ? "bf16." : "";
}

/// {logits, loss, grad.*} of our model on the batch.
Published ours(TinyModel& model, const step::MicroBatch& batch) {
  Published result;
  result["logits"] = model.logits(batch);
  const double weight = batch.loss_weights.at("lm");
  result["loss"] = at::tensor(model.step(batch, 1.0 / weight) / weight, at::TensorOptions().dtype(at::kDouble));
  for (auto& [name, grad] : model.gradients()) result["grad." + name] = grad;
  return result;
}

struct Case {
  std::string name;
  at::ScalarType dtype;
};

class Parity : public ::testing::TestWithParam<Case> {};

TEST_P(Parity, EqualsTransformers) {
  const auto& [name, dtype] = GetParam();
  const Published golden = read_all(ckpt::TensorSet(kGolden / "parity", name));
  TinyModel model = open_model(name, dtype);
  const Published result = ours(model, make_batch(golden.at("input_ids")));
  size_t compared = 0;
  for (const auto& [key, value] : result) {
    if (dtype == at::kBFloat16) {
      const auto exact = golden.find("fp64." + key);
      const Errors error = errors(value, exact != golden.end() ? exact->second : golden.at(key));
      const at::Tensor allowed = golden.at("bf16.error." + key).mul(1.5);
      EXPECT_LE(error.max, allowed[0].item<double>()) << key;
      EXPECT_LE(error.norm, allowed[1].item<double>()) << key;
    } else {
      expect_near(key, value, golden.at(dtype_prefix(dtype) + key), dtype == at::kDouble ? 1e-10 : 1e-5);
    }
    ++compared;
  }
  size_t expected = 0;
  for (const auto& [key, value] : golden) expected += key.starts_with("grad.") || key == "logits" || key == "loss";
  EXPECT_EQ(compared, expected);
}

INSTANTIATE_TEST_SUITE_P(
    Dense, Parity,
    ::testing::Values(Case{"llama", at::kFloat}, Case{"llama", at::kDouble}, Case{"llama", at::kBFloat16},
                      Case{"llama_v4_bf16", at::kFloat}, Case{"llama_v4_bf16", at::kBFloat16},
                      Case{"llama_yarn", at::kFloat}, Case{"llama_bias", at::kFloat}, Case{"llama_linear", at::kFloat},
                      Case{"qwen2", at::kFloat}, Case{"qwen2", at::kBFloat16}, Case{"qwen2_untied", at::kFloat},
                      Case{"qwen3", at::kFloat}, Case{"qwen3", at::kDouble}, Case{"qwen3", at::kBFloat16},
                      Case{"qwen3_untied", at::kFloat}),
    [](const auto& info) { return info.param.name + "_" + std::string(c10::toString(info.param.dtype)); });

class PackedParity : public ::testing::TestWithParam<std::string> {};

TEST_P(PackedParity, EqualsTheDocumentsAlone) {
  const Published golden = read_all(ckpt::TensorSet(kGolden / "parity", GetParam() + ".packed"));
  const at::Tensor& ends = golden.at("cu_seqlens");
  const std::vector<int64_t> cu_seqlens(ends.data_ptr<int64_t>(), ends.data_ptr<int64_t>() + ends.numel());
  const step::MicroBatch batch = make_batch(golden.at("input_ids"), golden.at("shifted_labels"), cu_seqlens);
  ASSERT_TRUE(batch.get("positions").equal(golden.at("position_ids")));
  TinyModel model = open_model(GetParam(), at::kFloat);
  for (const auto& [key, value] : ours(model, batch)) expect_near(key, value, golden.at(key), 1e-5);
}

INSTANTIATE_TEST_SUITE_P(Dense, PackedParity, ::testing::Values("llama", "qwen3"));

}  // namespace
}  // namespace loongforge::testing
