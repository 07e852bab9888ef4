// SPDX-License-Identifier: Apache-2.0
// Gloo between processes: this program starts itself again as the ranks.
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "loongforge/comm/ledger.h"
#include "loongforge/comm/process_group.h"
#include "loongforge/core/error.h"
#include "loongforge/launch/spawner.h"

namespace loongforge::comm {
namespace {

using ::testing::HasSubstr;

std::vector<double> values_of(const at::Tensor& tensor) {
  const at::Tensor t = tensor.to(at::kDouble).contiguous();
  return {t.const_data_ptr<double>(), t.const_data_ptr<double>() + t.numel()};
}
at::Tensor filled(int64_t count, double value, at::ScalarType dtype) {
  return at::full({count}, value, at::TensorOptions().dtype(dtype));
}

void check_collectives(const Group& g, at::ScalarType dtype) {
  const int n = g.size(), r = g.rank();
  const at::Tensor sum = filled(5, r + 1, dtype), top = filled(5, r, dtype);
  Work first = g.all_reduce(sum), second = g.all_reduce(top, ReduceOp::max);
  second.wait();
  first.wait();
  EXPECT_EQ(values_of(sum), std::vector<double>(5, n * (n + 1) / 2.0));
  EXPECT_EQ(values_of(top), std::vector<double>(5, n - 1.0));

  at::Tensor all = at::empty({2 * n}, dtype), part = at::empty({2}, dtype);
  g.all_gather(all, filled(2, r, dtype)).wait();
  g.reduce_scatter(part, all).wait();
  EXPECT_EQ(values_of(part), std::vector<double>(2, 1.0 * n * r));

  // Rank r sends r+to rows of two to each rank; rank 0 none to itself.
  std::vector<int64_t> out_splits, in_splits;
  int64_t rows_in = 0, rows_out = 0;
  for (int other = 0; other < n; ++other) {
    in_splits.push_back(r + other);
    out_splits.push_back(other + r);
    rows_in += in_splits.back();
    rows_out += out_splits.back();
  }
  at::Tensor out = at::empty({rows_out, 2}, dtype);
  g.all_to_all_v(out, filled(2 * rows_in, r + 1, dtype).view({rows_in, 2}), out_splits, in_splits).wait();
  std::vector<double> want;
  for (int other = 0; other < n; ++other) want.insert(want.end(), static_cast<size_t>(2 * (other + r)), other + 1.0);
  EXPECT_EQ(values_of(out.view(-1)), want);

  const at::Tensor from_last = filled(3, r, dtype);
  g.broadcast(from_last, n - 1).wait();
  EXPECT_EQ(values_of(from_last), std::vector<double>(3, n - 1.0));

  const int next = (r + 1) % n, previous = (r + n - 1) % n;
  at::Tensor got5 = at::empty({2}, dtype), got6 = at::empty({2}, dtype);
  Work send5 = g.isend(filled(2, r, dtype), next, 5), send6 = g.isend(filled(2, r + 10, dtype), next, 6);
  Work recv6 = g.irecv(got6, previous, 6), recv5 = g.irecv(got5, previous, 5);
  for (Work* work : {&recv6, &recv5, &send5, &send6}) work->wait();
  EXPECT_EQ(values_of(got5), std::vector<double>(2, previous));
  EXPECT_EQ(values_of(got6), std::vector<double>(2, previous + 10.0));
  g.barrier();
}

// ---- what the ranks do, by the name of the case

void collectives_case(const ProcessWorld& world) {
  const Group& g = world.group;
  for (auto dtype : {at::kDouble, at::kFloat, at::kBFloat16, at::kLong}) check_collectives(g, dtype);
  const Group first = g.split({0, 1}, "pair"), last = g.split({g.size() - 1}, "last");
  if (first.is_member()) check_collectives(first, at::kFloat);
  EXPECT_EQ(last.is_member(), g.rank() == g.size() - 1);
  // 256 + 1 + 1 is 258 in fp32 and 256 when bf16 rounds after each addition.
  const at::Tensor odd = filled(1, g.rank() == 0 ? 256 : 1, at::kBFloat16);
  g.all_reduce(odd).wait();
  EXPECT_EQ(values_of(odd)[0], g.size() == 3 ? 258 : 256);
  const std::vector<double> sums{1.5 * g.size(), g.size() * (g.size() - 1) / 2.0};
  EXPECT_EQ(g.all_reduce_host({1.5, 1.0 * g.rank()}), sums);
  const auto words = g.all_gather_bytes(std::string(static_cast<size_t>(g.rank()), 'x'));
  for (int r = 0; r < g.size(); ++r) EXPECT_EQ(words[static_cast<size_t>(r)], std::string(static_cast<size_t>(r), 'x'));
}

// A send is seen complete without waiting for it, once it was received.
void sends_case(const ProcessWorld& world) {
  const Group& g = world.group;
  const int other = 1 - g.rank();
  const at::Tensor large = filled(1 << 20, g.rank(), at::kFloat), got = at::empty({1 << 20}, at::kFloat);
  if (g.rank() == 0) {
    Work send = g.isend(large, other, 1);
    EXPECT_FALSE(send.done());  // nobody has asked for it
    g.isend(filled(1, 0, at::kFloat), other, 4).wait();
    g.irecv(got, other, 2).wait();  // the answer comes only after ours has arrived
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!send.done() && std::chrono::steady_clock::now() < give_up) std::this_thread::yield();
    EXPECT_TRUE(send.done());
    send.wait();
    g.isend(large, other, 3);  // nobody receives it: ending with it under way neither hangs nor crashes
    world.store->set("seen", "yes");
  } else {
    at::Tensor go = at::empty({1}, at::kFloat);
    g.irecv(go, other, 4).wait();
    g.irecv(got, other, 1).wait();
    g.isend(large, other, 2).wait();
    EXPECT_EQ(got.sum().item<float>(), 0.0F);
    world.store->get("seen", std::chrono::seconds(30));  // leaving closes the connections that the first rank still asks
  }
}

void store_case(const ProcessWorld& world) {
  const int r = world.group.rank(), n = world.group.size();
  if (r == 0) {
    EXPECT_FALSE(world.store->try_get("word"));
    EXPECT_THROW(world.store->get("never", std::chrono::milliseconds(10)), CommError);
  }
  world.group.barrier();
  if (r == n - 1) world.store->set("word", std::string("a\0b", 3));
  EXPECT_EQ(world.store->get("word", std::chrono::seconds(20)), std::string("a\0b", 3));
  world.store->add("count", 2);
  world.group.barrier();
  EXPECT_EQ(world.store->add("count", 0), 2 * n);
}

/// The error of a barrier that can't succeed.
std::string failing_barrier(const ProcessWorld& world) {
  try {
    world.group.barrier();
  } catch (const CommError& e) {
    return e.what();
  }
  return "";
}

void abort_case(const ProcessWorld& world) {
  if (world.group.rank() == 1) {
    world.group.abort("the loss is NaN");
    ::_exit(0);
  }
  EXPECT_THAT(failing_barrier(world), HasSubstr("barrier of group world: rank 1 failed: the loss is NaN"));
}

void vanish_case(const ProcessWorld& world) {
  if (world.group.rank() == 1) ::_exit(0);
  EXPECT_THAT(failing_barrier(world), HasSubstr("rank 1 never called collective 1 of group world{0,1} (barrier)"));
}

void fail_alone_case(const ProcessWorld& world) {
  EXPECT_EQ(world.group.size(), 2);
  ADD_FAILURE() << "as asked";
}

TEST(GlooRank, DISABLED_Body) {
  const std::map<std::string, void (*)(const ProcessWorld&)> cases{
      {"collectives", collectives_case}, {"store", store_case},          {"sends", sends_case}, {"abort", abort_case},
      {"vanish", vanish_case},           {"fail_alone", fail_alone_case}};
  const std::string name = std::getenv("LF_GLOO_CASE");
  WorldOptions options;
  options.timeout = std::chrono::seconds(60);
  options.ledger_folder = std::getenv("LF_GLOO_LEDGERS");
  const ProcessWorld world = make_process_world("auto", launch::RankEnv::from_environment(), options);
  world.group.barrier();
  cases.at(name)(world);
}

class Gloo : public ::testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove_all(folder_); }

  launch::SpawnResult run(const std::string& name, int ranks) {
    launch::SpawnOptions options;
    options.command = {std::filesystem::read_symlink("/proc/self/exe").string(),
                       "--gtest_filter=GlooRank.DISABLED_Body", "--gtest_also_run_disabled_tests"};
    options.workers = ranks;
    options.log_dir = folder_ + "/logs";
    options.failure_grace = std::chrono::seconds(5);
    options.environment = {{"LF_GLOO_CASE", name}, {"LF_GLOO_LEDGERS", folder_}, {"OMP_NUM_THREADS", "1"}};
    return launch::spawn_workers(options);
  }
  std::string logs(int ranks) const {
    std::stringstream text;
    for (int r = 0; r < ranks; ++r) {
      std::ifstream log(folder_ + "/logs/attempt_0/" + std::to_string(r) + "/stdout.log");
      text << "--- rank " << r << "\n" << log.rdbuf();
    }
    return text.str();
  }

  std::string folder_ = ::testing::TempDir() + "lf_gloo_" + std::to_string(::getpid());
};

TEST_F(Gloo, CollectivesOfTwoAndThreeProcesses) {
  for (int ranks : {2, 3}) {
    EXPECT_EQ(run("collectives", ranks).exit_code, 0) << logs(ranks);
    const auto ledgers = read_ledgers(folder_);
    ASSERT_EQ(ledgers.size(), static_cast<size_t>(ranks));
    EXPECT_EQ(find_culprits(ledgers), std::vector<std::string>());
    EXPECT_GT(ledgers[0].records.size(), 40u);
    std::filesystem::remove_all(folder_);
  }
}

TEST_F(Gloo, SendsAreSeenComplete) { EXPECT_EQ(run("sends", 2).exit_code, 0) << logs(2); }
TEST_F(Gloo, StoreIsSharedByAllRanks) { EXPECT_EQ(run("store", 2).exit_code, 0) << logs(2); }
TEST_F(Gloo, AbortTellsTheOthersWhy) { EXPECT_EQ(run("abort", 2).exit_code, 0) << logs(2); }
TEST_F(Gloo, TheLedgerNamesAVanishedRank) { EXPECT_EQ(run("vanish", 2).exit_code, 0) << logs(2); }
TEST_F(Gloo, AFailingRankIsSeenHere) { EXPECT_EQ(run("fail_alone", 2).exit_code, 1) << logs(2); }

TEST(ProcessWorld, OneRankNeedsNobodyAndUnknownBackendsAreRefused) {
  launch::RankEnv env;
  EXPECT_EQ(make_world("gloo", env).size(), 1);
  env.world_size = 2;
  EXPECT_THROW(make_world("local", env), ConfigError);
  EXPECT_THROW(make_world("mpi", env), ConfigError);
  EXPECT_THROW(make_world("nccl", env), ConfigError);  // these tensors are on the CPU
  EXPECT_EQ(make_world("fake", env).size(), 2);
}

TEST(FakeWorld, AStepOnMetaTensorsLeavesItsLedger) {
  const Group world = make_fake_world(1024, 77);
  const auto meta = at::TensorOptions().device(at::kMeta).dtype(at::kBFloat16);
  const Group tp = world.split({76, 77, 78, 79}, "tp");
  EXPECT_FALSE(world.split({0, 1}, "other").is_member());
  EXPECT_EQ(tp.rank(), 1);
  at::Tensor whole = at::empty({4, 8}, meta), part = at::empty({8}, meta);
  tp.reduce_scatter(part, whole).wait();
  tp.all_gather(whole, part).wait();
  world.all_reduce(part).wait();
  EXPECT_EQ(world.all_gather_bytes("ab").size(), 1024u);
  EXPECT_EQ(world.all_reduce_host({3})[0], 3);
  const auto records = world.ledger()->records();
  EXPECT_THAT(to_text(records[0]), HasSubstr("tp{76..79} #0 reduce_scatter bfloat16 [4, 8] 64 B completed"));
  EXPECT_THAT(to_text(records[2]), HasSubstr("world{0..1023} #0 all_reduce bfloat16 [8]"));
}

}  // namespace
}  // namespace loongforge::comm
