// SPDX-License-Identifier: Apache-2.0
// Saving from any layout and loading into any other, on thread ranks.
#include "loongforge/ckpt/reshard.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>

#include "layouts.h"
#include "loongforge/comm/thread_world.h"
#include "loongforge/core/error.h"
#include "loongforge/core/failpoint.h"
#include "temp_dir.h"

namespace loongforge::ckpt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace testing;

constexpr uint64_t kSeed = 11;

SaveOptions small_files() {
  SaveOptions options;
  options.max_file_bytes = 2000;
  options.min_file_bytes = 100;
  options.exchange.round_bytes = 256;
  return options;
}

// Saves initial values from `kind` over `ranks`; returns what the first rank was told.
std::vector<FileRecord> save_from(const std::filesystem::path& folder, LayoutKind kind, int ranks, at::ScalarType dtype,
                                  const SaveOptions& options = small_files()) {
  const auto params = some_params();
  std::vector<FileRecord> records;
  comm::ThreadWorld(ranks).run([&](const comm::Group& group) {
    const auto boxes = place(params, kind, group.rank(), ranks, dtype);
    initialise(boxes, kSeed);
    auto mine = save_published(folder, "model", pointers(params), boxes, group, options);
    if (group.rank() == 0) records = std::move(mine);
  });
  return records;
}

TEST(Reshard, InitialValuesDoNotDependOnTheLayout) {
  const auto params = some_params();
  for (LayoutKind kind : kLayouts) {
    for (int rank = 0; rank < 4; ++rank) {
      const auto boxes = place(params, kind, rank, 4, at::kFloat);
      initialise(boxes, kSeed);
      EXPECT_TRUE(holds_initial(boxes, kSeed, at::kFloat));
      EXPECT_TRUE(boxes.empty() || !holds_initial(boxes, kSeed + 1, at::kFloat));
    }
  }
}

TEST(Reshard, SavedTensorsAreThePublishedOnes) {
  TempDir dir;
  SaveOptions options;
  options.copies = {"lm_head.weight"};
  save_from(dir.path(), LayoutKind::replicated, 1, at::kDouble, options);
  const TensorSet files(dir.path());
  EXPECT_THAT(files.names(), ElementsAre("embed.weight", "gate.weight", "k.weight", "lm_head.weight", "norm.weight",
                                         "patch.weight", "q.weight", "scale", "up.weight", "v.weight"));
  const auto expect = [&](const char* name, int64_t element, const spec::ParamSpec& p) {
    const at::Tensor flat = files.tensor(name).reshape({-1});
    const double value = spec::init_value(p.init, kSeed, name, files.find(name)->shape, static_cast<uint64_t>(element));
    EXPECT_EQ(flat[element].item<double>(), value) << name;
  };
  const auto params = some_params();
  for (int64_t element : {0, 7, 39}) {
    for (const char* name : {"q.weight", "k.weight", "v.weight"}) expect(name, element, params[1]);
    for (const char* name : {"gate.weight", "up.weight"}) expect(name, element, params[2]);
    expect("patch.weight", element, params[4]);
  }
  EXPECT_TRUE(same_bits(files.tensor("lm_head.weight"), files.tensor("embed.weight")));
}

TEST(Reshard, EveryLayoutWritesTheSameFiles) {
  TempDir one;
  save_from(one.path(), LayoutKind::replicated, 1, at::kFloat);
  const TensorSet reference(one.path());
  for (LayoutKind kind : kLayouts) {
    for (int ranks : {2, 4}) {
      TempDir many;
      const auto records = save_from(many.path(), kind, ranks, at::kFloat);
      const TensorSet files(many.path());
      ASSERT_EQ(files.names(), reference.names());
      for (const auto& name : files.names()) {
        EXPECT_TRUE(same_bits(files.tensor(name), reference.tensor(name))) << name << " by " << ranks;
      }
      for (const FileRecord& record : records) {
        const std::string bytes = read_bytes(many / record.name);
        EXPECT_EQ(record.size, bytes.size());
        EXPECT_EQ(record.checksum, checksum_text(checksum(bytes)));
      }
      EXPECT_GT(records.size(), 2u);
    }
  }
}

TEST(Reshard, LoadsIntoEveryLayoutBitEqual) {
  TempDir dir;
  save_from(dir.path(), LayoutKind::flat_ranges, 4, at::kBFloat16);
  const auto params = some_params();
  for (LayoutKind kind : kLayouts) {
    for (int ranks : {1, 2, 3, 4}) {
      for (int rank = 0; rank < ranks; ++rank) {
        const auto boxes = place(params, kind, rank, ranks, at::kBFloat16);
        const LoadReport report = load_published(TensorSet(dir.path()), pointers(params), boxes);
        EXPECT_TRUE(holds_initial(boxes, kSeed, at::kBFloat16));
        EXPECT_EQ(report.loaded.size(), 9u);
        uint64_t elements = 0;
        for (const auto& box : boxes) elements += static_cast<uint64_t>(box.logical.numel());
        EXPECT_EQ(report.bytes, 2 * elements);
      }
    }
  }
}

TEST(Reshard, RedistributesBetweenLayouts) {
  const auto params = some_params();
  for (LayoutKind from : kLayouts) {
    for (LayoutKind to : kLayouts) {
      comm::ThreadWorld(3, {comm::ThreadMode::random_delay, 5}).run([&](const comm::Group& group) {
        const auto sources = place(params, from, group.rank(), 3, at::kDouble);
        const auto targets = place(params, to, group.rank(), 3, at::kDouble);
        initialise(sources, kSeed);
        redistribute(sources, targets, group, {.round_bytes = 300});
        EXPECT_TRUE(holds_initial(targets, kSeed, at::kDouble));
      });
    }
  }
}

TEST(Reshard, GathersToOneRankAndConverts) {
  const auto params = some_params();
  comm::ThreadWorld(2).run([&](const comm::Group& group) {
    const auto sources = place(params, LayoutKind::flat_ranges, group.rank(), 2, at::kBFloat16);
    initialise(sources, kSeed);
    std::vector<comm::PlacedBox> targets;
    if (group.rank() == 1) targets = place(params, LayoutKind::replicated, 0, 1, at::kFloat);
    redistribute(sources, targets, group);
    for (auto& target : targets) target.data = target.data.to(at::kBFloat16);
    EXPECT_TRUE(holds_initial(targets, kSeed, at::kBFloat16));
  });
}

TEST(Reshard, MissingBytesFailOnEveryRank) {
  const auto params = some_params();
  std::mutex mutex;
  int thrown = 0;
  comm::ThreadWorld(2).run([&](const comm::Group& group) {
    auto sources = place(params, LayoutKind::flat_ranges, group.rank(), 2, at::kFloat);
    if (group.rank() == 1) sources.pop_back();
    std::vector<comm::PlacedBox> targets;
    if (group.rank() == 0) targets = place(params, LayoutKind::replicated, 0, 1, at::kFloat);
    try {
      redistribute(sources, targets, group);
    } catch (const std::logic_error& error) {
      std::lock_guard lock(mutex);
      ++thrown;
      EXPECT_THAT(error.what(), HasSubstr("scale"));
    }
  });
  EXPECT_EQ(thrown, 2);
}

TEST(Reshard, OneRankThatCannotWriteStopsAll) {
  TempDir dir;
  const auto params = some_params();
  arm_failpoints("file_write:enospc@7");
  std::mutex mutex;
  int thrown = 0;
  comm::ThreadWorld(4).run([&](const comm::Group& group) {
    const auto boxes = place(params, LayoutKind::flat_ranges, group.rank(), 4, at::kFloat);
    try {
      save_published(dir.path(), "model", pointers(params), boxes, group, small_files());
    } catch (const ResourceError&) {
      std::lock_guard lock(mutex);
      ++thrown;
    }
  });
  arm_failpoints("");
  EXPECT_EQ(thrown, 4);
}

TEST(Reshard, DiskTypesFollowTheRule) {
  TempDir dir;
  SaveOptions options;
  options.dtype = disk_dtype(Dtype::bf16, {{"norm.weight", Dtype::f32}});
  save_from(dir.path(), LayoutKind::replicated, 1, at::kFloat, options);
  const TensorSet files(dir.path());
  EXPECT_EQ(files.find("norm.weight")->dtype, Dtype::f32);
  EXPECT_EQ(files.find("q.weight")->dtype, Dtype::bf16);
  const auto params = some_params();
  const auto boxes = place(params, LayoutKind::replicated, 0, 1, at::kBFloat16);
  const LoadReport report = load_published(files, pointers(params), boxes);
  EXPECT_EQ(report.dtypes.at("norm.weight"), Dtype::f32);
  EXPECT_TRUE(holds_initial(boxes, kSeed, at::kBFloat16));
}

// ---- reports and refusals

class LoadRefusals : public ::testing::Test {
 protected:
  LoadRefusals() : params_(some_params()), boxes_(place(params_, LayoutKind::replicated, 0, 1, at::kFloat)) {
    SaveOptions options;
    options.copies = {"lm_head.weight"};
    save_from(dir_.path(), LayoutKind::replicated, 1, at::kFloat, options);
    const TensorSet files(dir_.path());
    for (const auto& name : files.names()) tensors_[name] = files.tensor(name).clone();
  }
  LoadReport load(const LoadOptions& options = {}) {
    std::filesystem::remove(dir_ / "model.safetensors");
    write_safetensors(dir_ / "model.safetensors", tensors_);
    return load_published(TensorSet(dir_.path()), pointers(params_), boxes_, options);
  }
  std::string refusal(const LoadOptions& options = {}) {
    try {
      load(options);
    } catch (const CheckpointError& error) {
      return error.what();
    }
    return "accepted";
  }

  TempDir dir_;
  std::vector<spec::ParamSpec> params_;
  std::vector<comm::PlacedBox> boxes_;
  std::map<std::string, at::Tensor> tensors_;
};

TEST_F(LoadRefusals, AccountsForEveryTensor) {
  tensors_["model.layers.0.self_attn.rotary_emb.inv_freq"] = at::ones({4});
  tensors_.erase("norm.weight");
  LoadOptions options;
  options.may_initialise = {"norm.*"};
  options.seed = kSeed;
  const LoadReport report = load(options);
  EXPECT_EQ(report.loaded.size(), 8u);
  EXPECT_THAT(report.tied, ElementsAre("lm_head.weight"));
  EXPECT_THAT(report.initialised, ElementsAre("norm.weight"));
  EXPECT_THAT(report.unused, ElementsAre("model.layers.0.self_attn.rotary_emb.inv_freq"));
  EXPECT_TRUE(holds_initial(boxes_, kSeed, at::kFloat));
  EXPECT_THAT(report.summary(), HasSubstr("8 tensors"));
}

TEST_F(LoadRefusals, AllProblemsTogether) {
  tensors_.erase("k.weight");
  tensors_["extra"] = at::ones({4});
  tensors_["up.weight"] = at::ones({3, 5});
  const std::string what = refusal();
  EXPECT_THAT(what, HasSubstr("k.weight"));
  EXPECT_THAT(what, HasSubstr("extra"));
  EXPECT_THAT(what, HasSubstr("up.weight"));
  EXPECT_THAT(what, HasSubstr("[3, 5]"));
  EXPECT_THAT(what, HasSubstr("[12, 10]"));
  EXPECT_EQ(what.find('\n'), std::string::npos);
}

TEST_F(LoadRefusals, TiedCopiesMustAgree) {
  tensors_["lm_head.weight"][3][1] += 1;
  EXPECT_THAT(refusal(), HasSubstr("lm_head.weight"));
  LoadOptions trusting;
  trusting.verify_copies = false;
  EXPECT_EQ(refusal(trusting), "accepted");
}

TEST_F(LoadRefusals, ACopyStandsInForItsTensor) {
  tensors_.erase("embed.weight");
  const LoadReport report = load();
  EXPECT_THAT(report.tied, ElementsAre("lm_head.weight"));
  EXPECT_TRUE(report.unused.empty());
  EXPECT_TRUE(holds_initial(boxes_, kSeed, at::kFloat));
}

TEST_F(LoadRefusals, ACopyOfAnotherShape) {
  tensors_["lm_head.weight"] = at::ones({kRows + 1, kHidden});
  EXPECT_THAT(refusal(), HasSubstr("lm_head.weight"));
}

}  // namespace
}  // namespace loongforge::ckpt
