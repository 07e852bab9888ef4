// SPDX-License-Identifier: Apache-2.0
#include "loongforge/ckpt/model_dir.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/ones.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ckpt/host_bytes.h"
#include "loongforge/core/error.h"
#include "temp_dir.h"

namespace loongforge::ckpt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TempDir;
using testing::write_bytes;

std::string refusal(const std::filesystem::path& folder) {
  try {
    ModelDir directory(folder);
  } catch (const CheckpointError& error) {
    return std::string(error.what()) + " | " + error.hint();
  }
  return "accepted";
}

class ModelDirs : public ::testing::Test {
 protected:
  ModelDirs() {
    write_bytes(dir_ / "config.json", R"({"model_type": "llama", "b": 1, "a": 1e-05})");
    write_safetensors(dir_ / "model-00001-of-00002.safetensors", {{"x", at::arange(3)}, {"y", at::ones({2})}});
    write_safetensors(dir_ / "model-00002-of-00002.safetensors", {{"z", at::arange(4)}});
    index(R"("x":"model-00001-of-00002.safetensors","y":"model-00001-of-00002.safetensors","z":"model-00002-of-00002.safetensors")");
  }
  void index(const std::string& map) {
    write_bytes(dir_ / "model.safetensors.index.json", "{\"metadata\":{},\"weight_map\":{" + map + "}}");
  }
  TempDir dir_;
};

TEST_F(ModelDirs, ReadsShardsConfigAndSideFiles) {
  for (const char* name : {"tokenizer.json", "tokenizer_config.json", "generation_config.json", "chat_template.jinja",
                           "merges.txt", "README.md", "pytorch_model.bin", "preprocessor_config.json"}) {
    write_bytes(dir_ / name, "x");
  }
  const ModelDir directory(dir_.path());
  EXPECT_THAT(directory.tensors().names(), ElementsAre("x", "y", "z"));
  EXPECT_TRUE(same_bits(directory.tensors().tensor("z"), at::arange(4)));
  EXPECT_EQ(directory.tensors().file_of("y").filename(), "model-00001-of-00002.safetensors");
  EXPECT_EQ(directory.tensors().bytes(), 3u * 8 + 2 * 4 + 4 * 8);
  EXPECT_EQ(directory.config().begin().key(), "model_type");
  std::vector<std::string> side;
  for (const auto& file : directory.side_files()) side.push_back(file.filename().string());
  EXPECT_THAT(side, ElementsAre("chat_template.jinja", "generation_config.json", "merges.txt",
                                "preprocessor_config.json", "tokenizer.json", "tokenizer_config.json"));
}

TEST_F(ModelDirs, OneFileIsPreferred) {
  write_safetensors(dir_ / "model.safetensors", {{"only", at::ones({1})}});
  EXPECT_THAT(ModelDir(dir_.path()).tensors().names(), ElementsAre("only"));
}

TEST_F(ModelDirs, BrokenIndexesAreRefused) {
  index(R"("x":"model-00002-of-00002.safetensors","z":"model-00002-of-00002.safetensors")");
  EXPECT_THAT(refusal(dir_.path()), HasSubstr("'x'"));
  index(R"("x":"gone.safetensors")");
  EXPECT_THAT(refusal(dir_.path()), HasSubstr("gone.safetensors"));
  for (const char* path : {"../evil.safetensors", "/etc/passwd", "", "..", "a/b"}) {
    index(std::string("\"x\":\"") + path + "\"");
    EXPECT_THAT(refusal(dir_.path()), HasSubstr("not mapped to a file name")) << path;
  }
  index(R"("x":3)");
  EXPECT_THAT(refusal(dir_.path()), HasSubstr("not mapped to a file name"));
  for (const char* text : {"{", "[]", "{}", R"({"weight_map":[]})"}) {
    write_bytes(dir_ / "model.safetensors.index.json", text);
    EXPECT_THAT(refusal(dir_.path()), HasSubstr("model.safetensors.index.json")) << text;
  }
}

TEST_F(ModelDirs, ANameInTwoFilesIsRefused) {
  write_safetensors(dir_ / "model-00002-of-00002.safetensors", {{"z", at::arange(4)}, {"x", at::ones({1})}});
  EXPECT_THAT(refusal(dir_.path()), HasSubstr("tensor 'x' is also in"));
}

TEST_F(ModelDirs, SaysWhatIsMissing) {
  EXPECT_THAT(refusal(dir_ / "none"), HasSubstr("no such folder"));
  std::filesystem::remove(dir_ / "model.safetensors.index.json");
  EXPECT_THAT(refusal(dir_.path()), HasSubstr("neither model.safetensors nor"));
  write_bytes(dir_ / "pytorch_model.bin", "x");
  EXPECT_THAT(refusal(dir_.path()), HasSubstr("pickled"));
  std::filesystem::remove(dir_ / "config.json");
  EXPECT_THAT(refusal(dir_.path()), HasSubstr("no config.json"));
}

}  // namespace
}  // namespace loongforge::ckpt
