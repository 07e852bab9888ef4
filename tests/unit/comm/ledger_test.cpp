// SPDX-License-Identifier: Apache-2.0
#include "loongforge/comm/ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "loongforge/core/dtype.h"
#include "loongforge/core/error.h"

namespace loongforge::comm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

LedgerRecord record(OpKind op, int64_t length, const char* group = "world{0..3}", Dtype dtype = Dtype::f32) {
  LedgerRecord r;
  std::strcpy(r.group, group);
  r.op = op;
  r.dtype = static_cast<uint8_t>(dtype);
  r.dims = 1;
  r.shape[0] = length;
  return r;
}

class LedgerOnDisk : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string folder_ = ::testing::TempDir() + "lf_ledger_" + std::to_string(::getpid());
};

TEST_F(LedgerOnDisk, SurvivesTheProcess) {
  const std::string path = folder_ + "/rank5.ledger";
  const pid_t child = ::fork();
  if (child == 0) {
    Ledger ledger(5, path, 4);
    ledger.finish(ledger.enqueue(record(OpKind::all_reduce, 8)), true);
    ledger.start(ledger.enqueue(record(OpKind::all_gather, 2)));
    ::kill(::getpid(), SIGKILL);
  }
  ::waitpid(child, nullptr, 0);
  const LedgerFile file = LedgerFile::read(path);
  EXPECT_EQ(file.rank, 5);
  ASSERT_EQ(file.records.size(), 2u);
  EXPECT_EQ(file.records[0].state, OpState::completed);
  EXPECT_EQ(file.records[1].state, OpState::started);
  EXPECT_THAT(to_text(file), HasSubstr("world{0..3} #1 all_gather float32 [2]"));
}

TEST(Ledger, RingKeepsTheNewestAndNumbersGroupsAndMessagesApart) {
  Ledger ledger(0, 3);
  const uint64_t lost = ledger.enqueue(record(OpKind::broadcast, 1));
  for (int i = 0; i < 2; ++i) ledger.enqueue(record(OpKind::all_reduce, 1, "tp{0,1}"));
  LedgerRecord send = record(OpKind::send, 1, "tp{0,1}");
  send.peer = 1;
  ledger.enqueue(send);
  ledger.finish(lost, true);
  const auto records = ledger.records();
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[0].sequence, 0u);
  EXPECT_EQ(records[1].sequence, 1u);
  EXPECT_EQ(records[2].sequence, 0u);
  for (const auto& r : records) EXPECT_EQ(r.state, OpState::enqueued);
}

TEST_F(LedgerOnDisk, TemporaryFilesStayOnlyAfterTrouble) {
  for (bool ok : {true, false}) {
    const std::string path = folder_ + "/sub/rank0.ledger";
    std::filesystem::create_directories(folder_ + "/sub");
    {
      Ledger ledger(0, path);
      ledger.remove_if_clean();
      ledger.finish(ledger.enqueue(record(OpKind::barrier, 1)), ok);
    }
    EXPECT_EQ(std::filesystem::exists(path), !ok);
    EXPECT_EQ(std::filesystem::exists(folder_ + "/sub"), !ok);
  }
}

TEST_F(LedgerOnDisk, OtherFilesAreRefusedOrPassedOver) {
  std::ofstream(folder_ + "/rank0.ledger") << "not a ledger";
  EXPECT_THROW(LedgerFile::read(folder_ + "/rank0.ledger"), DataError);
  EXPECT_THROW(LedgerFile::read(folder_ + "/none"), DataError);
  EXPECT_TRUE(read_ledgers(folder_).empty());
  EXPECT_TRUE(read_ledgers(folder_ + "/none").empty());
  EXPECT_THROW(Ledger(0, folder_ + "/no/such/folder"), ResourceError);
}

LedgerFile rank_ledger(int rank, const std::vector<LedgerRecord>& records) {
  Ledger ledger(rank);
  for (const auto& r : records) ledger.enqueue(r);
  return {rank, ledger.records()};
}

TEST(Culprits, LaggingRankAndDifferingCallsAreNamed) {
  const auto reduce = record(OpKind::all_reduce, 8), gather = record(OpKind::all_gather, 8);
  const auto full = rank_ledger(0, {reduce, gather});
  EXPECT_TRUE(find_culprits({full, rank_ledger(1, {reduce, gather})}).empty());
  EXPECT_THAT(find_culprits({full, rank_ledger(1, {reduce}), rank_ledger(2, {reduce, gather})}),
              ElementsAre("rank 1 never called collective 1 of group world{0..3} (all_gather float32 [8]); others have "
                          "reached 1"));
  for (const auto& other : {record(OpKind::all_gather, 9), record(OpKind::broadcast, 8),
                            record(OpKind::all_gather, 8, "world{0..3}", Dtype::bf16)}) {
    const auto found = find_culprits({full, rank_ledger(3, {reduce, other})});
    ASSERT_EQ(found.size(), 1u);
    EXPECT_THAT(found[0], HasSubstr("rank 3 called"));
    EXPECT_THAT(found[0], HasSubstr("where rank 0 called all_gather float32 [8]"));
  }
  // Uneven exchanges rightly differ in shape.
  EXPECT_TRUE(find_culprits({rank_ledger(0, {record(OpKind::all_to_all_v, 3)}),
                             rank_ledger(1, {record(OpKind::all_to_all_v, 4)})}).empty());
}

}  // namespace
}  // namespace loongforge::comm
