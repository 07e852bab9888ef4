// SPDX-License-Identifier: Apache-2.0
// The commit protocol: what counts, what wins, what survives a crash at each point.
#include "loongforge/ckpt/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "layouts.h"
#include "loongforge/comm/thread_world.h"
#include "loongforge/core/error.h"
#include "loongforge/core/failpoint.h"
#include "loongforge/core/json.h"
#include "temp_dir.h"

namespace loongforge::ckpt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using namespace testing;
namespace fs = std::filesystem;

// Saves parameters whose values depend on the step.
Checkpoint save_step(CheckpointStore& store, const comm::Group& group, int64_t step) {
  const auto params = some_params();
  const auto boxes = place(params, LayoutKind::flat_ranges, group.rank(), group.size(), at::kFloat);
  initialise(boxes, static_cast<uint64_t>(step));
  Save save = store.begin(step, "hash");
  save.tensors("model", pointers(params), boxes);
  save.tensors("optimizer/exp_avg", pointers(params), boxes);
  save.json("trainer.json", {{"step", step}});
  return save.commit();
}

Checkpoint save_step(const fs::path& root, int64_t step, StoreOptions options = {}) {
  CheckpointStore store(root, {}, options);
  store.continue_from(store.newest().checkpoint);
  return save_step(store, {}, step);
}

bool holds_step(const Checkpoint& checkpoint, int64_t step) {
  const auto params = some_params();
  const auto boxes = place(params, LayoutKind::replicated, 0, 1, at::kFloat);
  load_published(TensorSet(checkpoint.folder), pointers(params), boxes);
  if (!holds_initial(boxes, static_cast<uint64_t>(step), at::kFloat)) return false;
  load_published(TensorSet(checkpoint.folder / "optimizer", "exp_avg"), pointers(params), boxes);
  return holds_initial(boxes, static_cast<uint64_t>(step), at::kFloat) && checkpoint.id().step == step &&
         read_json(checkpoint.folder / "trainer.json")["step"] == step;
}

std::vector<std::string> entries(const fs::path& root) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(root)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

// Runs `body` in a child process; its wait status.
int in_child(const std::function<void()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      body();
    } catch (const Error& error) {
      std::_Exit(static_cast<int>(error.code()));
    } catch (...) {
      std::_Exit(99);
    }
    std::_Exit(0);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  return status;
}

TEST(Store, SavesAndFindsTheNewest) {
  TempDir dir;
  EXPECT_FALSE(CheckpointStore(dir / "none", {}).newest().checkpoint);
  save_step(dir.path(), 5);
  const Checkpoint saved = save_step(dir.path(), 12);
  EXPECT_EQ(saved.folder, dir / "step_00000012");
  const Selection found = CheckpointStore(dir.path(), {}).newest(/*verify_checksums=*/true);
  ASSERT_TRUE(found.checkpoint);
  EXPECT_TRUE(found.damaged.empty());
  EXPECT_TRUE(holds_step(*found.checkpoint, 12));
  EXPECT_EQ(found.checkpoint->manifest.parent, (CheckpointId{0, 5}));
  EXPECT_EQ(found.checkpoint->manifest.config_hash, "hash");
  EXPECT_EQ(found.checkpoint->manifest.files, saved.manifest.files);
  EXPECT_EQ(fs::read_symlink(dir / "LATEST"), "step_00000012");
  EXPECT_THAT(entries(dir.path()), ElementsAre("LATEST", "step_00000005", "step_00000012"));
}

TEST(Store, RanksSaveTogether) {
  for (int ranks : {2, 4}) {
    TempDir dir;
    comm::ThreadWorld(ranks).run([&](const comm::Group& group) {
      CheckpointStore store(dir.path(), group);
      EXPECT_FALSE(store.newest().checkpoint);
      store.continue_from(std::nullopt);
      const Checkpoint saved = save_step(store, group, 3);
      EXPECT_EQ(saved.manifest.world_size, ranks);
      EXPECT_TRUE(store.committed(3));
      const Selection found = store.newest(true);
      ASSERT_TRUE(found.checkpoint);
      EXPECT_EQ(found.checkpoint->manifest.files, saved.manifest.files);
    });
    EXPECT_TRUE(holds_step(*CheckpointStore(dir.path(), {}).newest().checkpoint, 3));
  }
}

TEST(Store, AStepIsCommittedOnce) {
  TempDir dir;
  save_step(dir.path(), 5);
  EXPECT_THROW(save_step(dir.path(), 5), CheckpointError);
  EXPECT_TRUE(holds_step(*CheckpointStore(dir.path(), {}).newest().checkpoint, 5));
}

TEST(Store, ARewindStartsAGenerationThatWins) {
  TempDir dir;
  save_step(dir.path(), 10);
  save_step(dir.path(), 20);
  CheckpointStore store(dir.path(), {});
  store.continue_from(store.open(dir / "step_00000010"));
  EXPECT_EQ(store.generation(), 1);
  save_step(store, {}, 15);
  const auto newest = CheckpointStore(dir.path(), {}).newest().checkpoint;
  EXPECT_EQ(newest->folder, dir / "step_00000015.g1");
  EXPECT_EQ(newest->manifest.parent, (CheckpointId{0, 10}));
  EXPECT_TRUE(holds_step(*newest, 15));
  // The abandoned branch's step 20 stays apart from this branch's.
  EXPECT_EQ(save_step(dir.path(), 20).folder, dir / "step_00000020.g1");
  // From scratch in the same folder is a branch too.
  store.continue_from(std::nullopt);
  EXPECT_EQ(store.generation(), 2);
}

TEST(Store, ResumesFromElsewhereIntoAnEmptyStore) {
  TempDir dir, other;
  save_step(dir.path(), 10);
  CheckpointStore store(other.path(), {});
  store.continue_from(store.open(dir / "step_00000010"));
  EXPECT_EQ(store.generation(), 0);
  EXPECT_EQ(save_step(store, {}, 11).manifest.parent, std::nullopt);
}

TEST(Store, RetentionKeepsTheLastAndEveryNth) {
  TempDir dir;
  for (int64_t step = 1; step <= 9; ++step) save_step(dir.path(), step, {.keep_last = 2, .keep_every = 4});
  EXPECT_THAT(entries(dir.path()), ElementsAre("LATEST", "step_00000004", "step_00000008", "step_00000009"));
}

TEST(Store, RetentionSparesWhatTheRunStartedFrom) {
  TempDir dir;
  save_step(dir.path(), 1);
  CheckpointStore store(dir.path(), {}, {.keep_last = 1});
  store.continue_from(store.newest().checkpoint);
  for (int64_t step : {2, 3, 4}) save_step(store, {}, step);
  EXPECT_THAT(entries(dir.path()), ElementsAre("LATEST", "step_00000001", "step_00000004"));
}

TEST(Store, DamagedCheckpointsLoseToOlderOnes) {
  TempDir dir;
  save_step(dir.path(), 1);
  const Checkpoint newest = save_step(dir.path(), 2);
  const fs::path file = newest.folder / newest.manifest.files.front().name;
  const std::string bytes = read_bytes(file);
  write_bytes(file, bytes.substr(0, bytes.size() - 1));
  Selection found = CheckpointStore(dir.path(), {}).newest();
  EXPECT_EQ(found.checkpoint->id().step, 1);
  ASSERT_THAT(found.damaged, SizeIs(1));
  EXPECT_THAT(found.damaged[0], HasSubstr(file.string()));
  EXPECT_THROW(CheckpointStore(dir.path(), {}).open(newest.folder), CheckpointError);
  // The right size, one bit flipped: only the checksum sees it.
  std::string flipped = bytes;
  flipped.back() = static_cast<char>(flipped.back() ^ 1);
  write_bytes(file, flipped);
  EXPECT_EQ(CheckpointStore(dir.path(), {}).newest().checkpoint->id().step, 2);
  found = CheckpointStore(dir.path(), {}).newest(true);
  EXPECT_EQ(found.checkpoint->id().step, 1);
  EXPECT_THAT(found.damaged, SizeIs(1));
  EXPECT_THROW(CheckpointStore(dir.path(), {}).open(newest.folder, true), CheckpointError);
  // It stays for people to look at, and what continues from the older one is a new branch.
  CheckpointStore store(dir.path(), {});
  store.continue_from(found.checkpoint);
  EXPECT_EQ(store.generation(), 1);
}

TEST(Store, MalformedManifestsNeverCount) {
  TempDir dir;
  save_step(dir.path(), 1);
  const Checkpoint newest = save_step(dir.path(), 2);
  const Json good = read_json(newest.folder / "manifest.json");
  std::vector<Json> bad(6, good);
  bad[0].erase("files");
  bad[1]["files"][0]["name"] = "../../etc/passwd";
  bad[2]["step"] = 3;
  bad[3]["version"] = 99;
  bad[4]["files"][0]["size"] = -1;
  bad[5] = Json::array();
  for (const Json& manifest : bad) {
    write_bytes(newest.folder / "manifest.json", manifest.dump());
    const Selection found = CheckpointStore(dir.path(), {}).newest();
    ASSERT_TRUE(found.checkpoint) << manifest.dump();
    EXPECT_EQ(found.checkpoint->id().step, 1) << manifest.dump();
    EXPECT_THAT(found.damaged, SizeIs(1));
  }
  write_bytes(newest.folder / "manifest.json", good.dump());
  EXPECT_EQ(CheckpointStore(dir.path(), {}).newest().checkpoint->id().step, 2);
}

TEST(Store, LeavesOtherFoldersAlone) {
  TempDir dir;
  for (const char* name : {"step_5", "step_00000005_mine", "step_00000005.g0", "logs", "step_00000005.tmp.bak"}) {
    fs::create_directories(dir / name);
  }
  fs::create_directories(dir / "step_00000007.tmp");
  CheckpointStore(dir.path(), {}).newest();
  EXPECT_THAT(entries(dir.path()), ElementsAre("logs", "step_00000005.g0", "step_00000005.tmp.bak", "step_00000005_mine",
                                               "step_5"));
}

TEST(Store, ACheckpointThatIsStillBeingCopiedHereStays) {
  TempDir dir, other;
  const Checkpoint whole = save_step(other.path(), 7);
  save_step(dir.path(), 5);
  const fs::path copied = dir / "step_00000007";
  fs::copy(whole.folder, copied, fs::copy_options::recursive);
  fs::remove(copied / "manifest.json");
  const Selection found = CheckpointStore(dir.path(), {}).newest();
  EXPECT_EQ(found.checkpoint->id().step, 5);
  ASSERT_THAT(found.damaged, SizeIs(1));
  EXPECT_THAT(found.damaged[0], HasSubstr((copied / "manifest.json").string()));
  EXPECT_EQ(save_step(dir.path(), 6).folder, dir / "step_00000006.g1");  // never under a name that is to come
  fs::copy(whole.folder / "manifest.json", copied / "manifest.json");
  EXPECT_TRUE(holds_step(CheckpointStore(dir.path(), {}).open(copied, true), 7));
}

TEST(Store, WhatHasTheNameOfASaveIsMovedAside) {
  TempDir dir;
  CheckpointStore store(dir.path(), {});
  for (const char* aside : {"step_00000004.aside", "step_00000004.aside2"}) {
    fs::remove_all(dir / "step_00000004");
    Save save = store.begin(4);
    fs::create_directories(dir / "step_00000004" / "mine");
    save.commit();
    EXPECT_TRUE(fs::exists(dir / aside / "mine"));
    EXPECT_TRUE(fs::exists(dir / "step_00000004" / "manifest.json"));
  }
  EXPECT_THAT(entries(dir.path()), ElementsAre("LATEST", "step_00000004", "step_00000004.aside", "step_00000004.aside2"));
}

TEST(Store, ACrashWhileAnOldCheckpointIsRemovedLeavesNoRest) {
  TempDir dir;
  save_step(dir.path(), 1);
  fs::rename(dir / "step_00000001", dir / "step_00000001.tmp");
  fs::remove(dir / "step_00000001.tmp" / "manifest.json");
  CheckpointStore(dir.path(), {}).newest();
  EXPECT_THAT(entries(dir.path()), ElementsAre("LATEST"));
}

// Killed at each point of the second save: which checkpoint is then the newest.
struct Crash {
  const char* failpoint;
  int64_t newest;
};
class StoreCrash : public ::testing::TestWithParam<std::tuple<Crash, int>> {};

TEST_P(StoreCrash, TheNewestCommittedWins) {
  const auto& [crash, ranks] = GetParam();
  TempDir dir;
  save_step(dir.path(), 1);
  const int status = in_child([&, failpoint = crash.failpoint, ranks = ranks] {
    arm_failpoints(std::string(failpoint) + ":kill");
    comm::ThreadWorld(ranks).run([&](const comm::Group& group) {
      CheckpointStore store(dir.path(), group);
      store.continue_from(store.newest().checkpoint);
      save_step(store, group, 2);
    });
  });
  ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
  const Selection found = CheckpointStore(dir.path(), {}).newest(true);
  ASSERT_TRUE(found.checkpoint);
  EXPECT_TRUE(found.damaged.empty());
  EXPECT_TRUE(holds_step(*found.checkpoint, crash.newest));
  for (const std::string& name : entries(dir.path())) EXPECT_EQ(name.find(".tmp"), name.npos) << name;
  // And the run goes on from there.
  EXPECT_TRUE(holds_step(save_step(dir.path(), 3), 3));
}

INSTANTIATE_TEST_SUITE_P(Points, StoreCrash,
                         ::testing::Combine(::testing::Values(Crash{"ckpt.begin", 1}, Crash{"ckpt.writing", 1},
                                                              Crash{"ckpt.before_manifest", 1}, Crash{"before_rename", 1},
                                                              Crash{"ckpt.before_rename", 2}, Crash{"ckpt.after_rename", 2}),
                                            ::testing::Values(1, 2)));

TEST(Store, AFullDiskFailsTheSaveAndNothingElse) {
  TempDir dir;
  save_step(dir.path(), 1);
  const int status = in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{2048, 2048};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    save_step(dir.path(), 2);
  });
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), static_cast<int>(ExitCode::resource));
  EXPECT_THAT(entries(dir.path()), ElementsAre("LATEST", "step_00000001"));
  EXPECT_TRUE(holds_step(*CheckpointStore(dir.path(), {}).newest(true).checkpoint, 1));
}

// The check needs only the declared shapes, so the tensor may be larger than any disk.
TEST(Store, ADiskThatIsTooSmallIsNoticedBeforeWriting) {
  TempDir dir;
  save_step(dir.path(), 1);
  const spec::ParamSpec huge = spec::plain_param("huge", {int64_t{1} << 50}, spec::ModuleKind::other, spec::init::Zeros{});
  const std::vector<const spec::ParamSpec*> params{&huge};
  const std::vector<comm::PlacedBox> boxes{{&huge, spec::full_box({4}), at::zeros({4})}};
  CheckpointStore store(dir.path(), {});
  store.continue_from(store.newest().checkpoint);
  {
    Save save = store.begin(2);
    try {
      save.tensors("model", params, boxes);
      ADD_FAILURE() << "saved";
    } catch (const ResourceError& error) {
      EXPECT_THAT(error.what(), HasSubstr("4.00 PiB"));
      EXPECT_THAT(error.what(), HasSubstr((dir / "step_00000002.tmp").string()));
    }
  }
  EXPECT_THAT(entries(dir.path()), ElementsAre("LATEST", "step_00000001"));
}

TEST(Store, AFailedSaveIsRemovedOnEveryRankAndTheNextWorks) {
  TempDir dir;
  for (const char* point : {"file_write:enospc@3", "ckpt.begin:enospc", "ckpt.before_manifest:enospc"}) {
    comm::ThreadWorld(2).run([&](const comm::Group& group) {
      CheckpointStore store(dir.path(), group);
      store.continue_from(store.newest().checkpoint);
      if (group.rank() == 0) arm_failpoints(point);
      group.barrier();
      EXPECT_THROW(save_step(store, group, 2), ResourceError) << point;
      group.barrier();
    });
    arm_failpoints("");
    EXPECT_THAT(entries(dir.path()), SizeIs(0)) << point;
  }
  save_step(dir.path(), 2);
}

TEST(Store, ReadOnlyOutputNamesThePath) {
  try {
    save_step("/sys/kernel/run", 1);
    FAIL() << "saved";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("/sys/kernel/run"));
  }
}

TEST(Store, WithoutRenameTheManifestAloneDecides) {
  TempDir dir;
  const StoreOptions options{.use_rename = false};
  const Checkpoint saved = save_step(dir.path(), 1, options);
  EXPECT_EQ(saved.folder, dir / "step_00000001");
  in_child([&] {
    arm_failpoints("ckpt.before_manifest:kill");
    save_step(dir.path(), 2, options);
  });
  EXPECT_TRUE(fs::exists(dir / "step_00000002"));
  EXPECT_TRUE(holds_step(*CheckpointStore(dir.path(), {}, options).newest().checkpoint, 1));
  EXPECT_EQ(save_step(dir.path(), 2, options).folder, dir / "step_00000002.g1");
}

}  // namespace
}  // namespace loongforge::ckpt
