// SPDX-License-Identifier: Apache-2.0
#include "loongforge/core/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <fstream>

#include "loongforge/core/failpoint.h"
#include "loongforge/core/json.h"
#include "nlohmann/json.hpp"

namespace loongforge {
namespace {
namespace fs = std::filesystem;
using testing::HasSubstr;

class Files : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "lf_files_XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override {
    arm_failpoints("");
    fs::remove_all(folder_);
  }
  fs::path folder_;
};

template <class E, class F>
E caught(F&& body) {
  try {
    body();
  } catch (const E& error) {
    return error;
  }
  ADD_FAILURE() << "nothing of that type was thrown";
  throw std::logic_error("unreachable");
}

// Vectors of the reference implementation (xxhsum -H64 and its sanity checks).
TEST(ChecksumTest, MatchesXxh64) {
  EXPECT_EQ(checksum(""), 0xEF46DB3751D8E999ull);
  EXPECT_EQ(checksum("a"), 0xD24EC4F1A98C6E5Bull);
  EXPECT_EQ(checksum("abc"), 0x44BC2CF5AD770999ull);
  EXPECT_EQ(checksum("The quick brown fox jumps over the lazy dog"), 0x0B242D361FDA71BCull);
  EXPECT_EQ(checksum_text(0xAB), "xxh64:00000000000000ab");
}

TEST(ChecksumTest, PiecesDoNotMatter) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) bytes += static_cast<char>(i * 37 + i / 7);
  for (size_t step : {1, 3, 7, 8, 31, 32, 33, 64, 299}) {
    Checksum sum;
    for (size_t at = 0; at < bytes.size(); at += step) {
      sum.update(bytes.data() + at, std::min(step, bytes.size() - at));
      ASSERT_EQ(sum.digest(), checksum(bytes.substr(0, std::min(at + step, bytes.size())))) << step << " at " << at;
    }
  }
}

TEST_F(Files, ReadAndMapGiveTheBytesWritten) {
  std::string bytes(3'000'001, 'x');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 31 >> 3);
  FileWriter writer(folder_ / "big");
  writer.write(bytes.data(), 10);
  writer.write(bytes.data() + 10, 2'000'000);
  writer.write(std::string_view(bytes).substr(2'000'010));
  writer.finish();
  EXPECT_EQ(writer.size(), bytes.size());
  EXPECT_EQ(writer.digest(), checksum(bytes));
  EXPECT_TRUE(read_file(folder_ / "big") == bytes);
  MappedFile map(folder_ / "big");
  EXPECT_TRUE(map.text() == bytes);
  map.advise(5000, 100000, true);
  map.advise(5000, 100000, false);
  MappedFile moved = std::move(map);
  EXPECT_EQ(map.size(), 0u);
  EXPECT_TRUE(moved.text() == bytes);
}

TEST_F(Files, EmptyAndSpecialFiles) {
  write_file(folder_ / "empty", "");
  EXPECT_EQ(read_file(folder_ / "empty"), "");
  EXPECT_EQ(MappedFile(folder_ / "empty").size(), 0u);
  EXPECT_THAT(read_file("/proc/self/status"), HasSubstr("Pid:"));
}

TEST_F(Files, MissingFilesNameTheReasonAndTheRole) {
  auto error = caught<DataError>([&] { read_file(folder_ / "none"); });
  EXPECT_THAT(error.what(), HasSubstr("none: No such file or directory"));
  EXPECT_FALSE(error.hint().empty());
  EXPECT_THROW(MappedFile(folder_ / "none", FileRole::checkpoint), CheckpointError);
  EXPECT_THROW(read_file(folder_ / "none", FileRole::config), ConfigError);
  EXPECT_THROW(read_file(folder_), DataError);
  EXPECT_THROW(FileWriter(folder_ / "no" / "folder"), CheckpointError);
  write_file(folder_ / "file", "x");
  EXPECT_THROW(make_folders(folder_ / "file" / "below"), CheckpointError);
  EXPECT_THROW(make_folders(folder_ / "file"), CheckpointError);
  make_folders(folder_ / "a" / "b");
  make_folders(folder_ / "a" / "b");
}

TEST_F(Files, AFullDiskIsAResourceErrorWithPathAndHint) {
  FileWriter writer("/dev/full");
  writer.write("some text");
  auto error = caught<ResourceError>([&] { writer.finish(); });
  EXPECT_THAT(error.what(), HasSubstr("/dev/full: No space left on device"));
  EXPECT_THAT(error.hint(), HasSubstr("run.output_dir"));
}

TEST_F(Files, AReadOnlyFileSystemIsAResourceErrorInEveryRole) {
  for (FileRole role : {FileRole::data, FileRole::checkpoint, FileRole::config}) {
    auto error = caught<ResourceError>([&] { throw_file_error(role, "write", "/x/y", EROFS); });
    EXPECT_THAT(error.what(), HasSubstr("/x/y"));
    EXPECT_THAT(error.hint(), HasSubstr("read-only"));
  }
}

TEST_F(Files, AtomicFilesAppearWholeOrNotAtAll) {
  write_file(folder_ / "f", "old");
  {
    AtomicFile file(folder_ / "f");
    file.write("half of the new");
    EXPECT_EQ(read_file(folder_ / "f"), "old");
  }
  EXPECT_EQ(read_file(folder_ / "f"), "old");
  EXPECT_FALSE(fs::exists(folder_ / "f.tmp"));
  arm_failpoints("before_rename:throw");
  EXPECT_THROW(write_file(folder_ / "f", "new"), std::runtime_error);
  EXPECT_EQ(read_file(folder_ / "f"), "old");
  write_file(folder_ / "f", "new");
  EXPECT_EQ(read_file(folder_ / "f"), "new");
  EXPECT_FALSE(fs::exists(folder_ / "f.tmp"));
}

TEST_F(Files, FailpointsActOnTheirVisitOnly) {
  arm_failpoints("other:throw, here:throw@3");
  failpoint("here");
  failpoint("here");
  EXPECT_THROW(failpoint("here"), std::runtime_error);
  failpoint("here");
  arm_failpoints("here:enospc");
  EXPECT_THROW(failpoint("here"), ResourceError);
  arm_failpoints("");
  failpoint("here");
  for (auto bad : {"here", "here:explode", "here:kill@", "here:kill@0", "here:kill@2x", ":kill"}) {
    EXPECT_THROW(arm_failpoints(bad), ConfigError) << bad;
  }
}

TEST_F(Files, FailpointsEndTheProcess) {
  GTEST_FLAG_SET(death_test_style, "fast");
  EXPECT_EXIT({ arm_failpoints("site:kill"); failpoint("site"); }, testing::KilledBySignal(SIGKILL), "");
  EXPECT_EXIT({ arm_failpoints("site:exit"); failpoint("site"); }, testing::ExitedWithCode(1), "");
}

TEST_F(Files, JsonKeepsOrderAndPlacesErrors) {
  write_json(folder_ / "a.json", Json{{"zebra", 1}, {"ant", {1.5, nullptr}}});
  EXPECT_EQ(read_file(folder_ / "a.json"), "{\n  \"zebra\": 1,\n  \"ant\": [\n    1.5,\n    null\n  ]\n}\n");
  EXPECT_EQ(read_json(folder_ / "a.json").begin().key(), "zebra");
  auto error = caught<DataError>([] { parse_json("{\n  \"a\": 1,\n  oops\n}", "x.json"); });
  EXPECT_THAT(error.what(), HasSubstr("x.json:3:3: not valid JSON: "));
  EXPECT_THROW(parse_json("{} {}", "x.json", FileRole::checkpoint), CheckpointError);
  EXPECT_THROW(parse_json("", "x.json", FileRole::config), ConfigError);
  EXPECT_THROW(parse_json("\"\xff\"", "x.json"), DataError);
}

}  // namespace
}  // namespace loongforge
