// SPDX-License-Identifier: Apache-2.0
#include "loongforge/spec/model_path.h"

#include <gmock/gmock.h>
#include <unistd.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "loongforge/core/error.h"

namespace loongforge::spec {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

/// A cache as huggingface_hub lays it out, and the variables that lead to it.
class HubCache : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(root_);
    for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"}) ::unsetenv(name);
    ::setenv("HF_HUB_CACHE", (root_ / "hub").c_str(), 1);
    write("hub/models--Qwen--Qwen3-0.6B/refs/main", "c1899de289a04d12100db370d81485cdf75e47ca");
    write("hub/models--Qwen--Qwen3-0.6B/refs/v2", "0123456789abcdef0123456789abcdef01234567\n");
    write(kMain + "/config.json", "{}");
    write(kMain + "/tokenizer.json", "{}");
    write("hub/models--Qwen--Qwen3-0.6B/snapshots/0123456789abcdef0123456789abcdef01234567/config.json", "{}");
    write("hub/models--gpt2/refs/main", "aaaa");
    write("hub/models--gpt2/snapshots/aaaa/tokenizer.json", "{}");
  }
  void TearDown() override {
    fs::remove_all(root_);
    for (const char* name : {"HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"}) ::unsetenv(name);
  }
  void write(const std::string& name, const std::string& text) {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << text;
  }
  static std::string error_of(const std::string& model) {
    try {
      find_model(model, "model.path");
    } catch (const CheckpointError& error) {
      return std::string(error.what()) + " | " + error.hint();
    }
    return "no error";
  }

  const std::string kMain = "hub/models--Qwen--Qwen3-0.6B/snapshots/c1899de289a04d12100db370d81485cdf75e47ca";
  fs::path root_ = fs::path(testing::TempDir()) / ("lf_hub_" + std::to_string(::getpid()));
};

TEST_F(HubCache, FoldersAreThemselves) { EXPECT_EQ(find_model((root_ / "hub").string(), ""), root_ / "hub"); }

TEST_F(HubCache, NamesAreTheirSnapshots) {
  EXPECT_EQ(find_model("Qwen/Qwen3-0.6B", ""), root_ / kMain);
  EXPECT_EQ(find_model("Qwen/Qwen3-0.6B@v2", "").filename(), "0123456789abcdef0123456789abcdef01234567");
  EXPECT_EQ(find_model("Qwen/Qwen3-0.6B@0123456", "").filename(), "0123456789abcdef0123456789abcdef01234567");
  EXPECT_EQ(find_tokenizer("Qwen/Qwen3-0.6B", ""), root_ / kMain);
  EXPECT_EQ(find_tokenizer("gpt2", "").filename(), "aaaa");
}

TEST_F(HubCache, TheVariablesInTheirOrder) {
  ::unsetenv("HF_HUB_CACHE");
  ::setenv("XDG_CACHE_HOME", "/x", 1);
  EXPECT_EQ(hub_cache(), "/x/huggingface/hub");
  ::setenv("HF_HOME", "/h", 1);
  EXPECT_EQ(hub_cache(), "/h/hub");
  ::setenv("HF_HUB_CACHE", "/c", 1);
  EXPECT_EQ(hub_cache(), "/c");
  for (const char* name : {"HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"}) ::unsetenv(name);
  EXPECT_TRUE(hub_cache().string().ends_with("/.cache/huggingface/hub"));
}

TEST_F(HubCache, WhatIsNotThereIsToldWithTheWayToGetIt) {
  EXPECT_THAT(error_of("Qwen/Qwen3-0.7B"), HasSubstr("did you mean Qwen/Qwen3-0.6B, which is there?"));
  EXPECT_THAT(error_of("Qwen/Qwen3-0.7B"), HasSubstr("hf download Qwen/Qwen3-0.7B"));
  EXPECT_THAT(error_of("other/thing"), HasSubstr("| correct the path, or download it: hf download other/thing"));
  EXPECT_THAT(error_of("Qwen/Qwen3-0.6B@v3"),
              HasSubstr("not its revision v3 | cached: main, v2; hf download Qwen/Qwen3-0.6B --revision v3"));
  EXPECT_THAT(error_of("gpt2"), HasSubstr("has no config.json | its download is not complete: hf download gpt2"));
  for (const char* path : {"/no/such/folder", "./none", "a/b/c", "../x/y", "a b", "", "a/", "x@"}) {
    EXPECT_THAT(error_of(path), HasSubstr("is not a directory")) << path;
  }
}

TEST_F(HubCache, TokenizersMayBeFilesOfAnyName) {
  EXPECT_EQ(find_tokenizer("tokenizer.json", ""), "tokenizer.json");
  EXPECT_EQ(find_tokenizer("/a/b/c.json", ""), "/a/b/c.json");
  EXPECT_THROW(find_tokenizer("Qwen/none", "data.tokenizer"), DataError);
}

TEST_F(HubCache, DamagedCachesAreNoCrash) {
  write("hub/models--a--b/refs/main", "");
  write("hub/models--a--b/snapshots/file", "not a folder");
  EXPECT_THAT(error_of("a/b"), HasSubstr("a/b"));
  fs::remove_all(root_ / "hub");
  EXPECT_THAT(error_of("a/b"), HasSubstr("hf download a/b"));
}

}  // namespace
}  // namespace loongforge::spec
