// SPDX-License-Identifier: Apache-2.0
#include "loongforge/core/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>

#include "loongforge/core/error.h"

namespace loongforge {
namespace {

TEST(ThreadPoolTest, FuturesCarryResultsAndErrors) {
  ThreadPool pool(2);
  auto value = pool.submit([] { return 41 + 1; });
  auto error = pool.submit([]() -> int { throw DataError("bad row"); });
  EXPECT_EQ(value.get(), 42);
  EXPECT_THROW(error.get(), DataError);
  EXPECT_GE(ThreadPool().size(), 1u);
}

TEST(ThreadPoolTest, OneThreadKeepsTheOrder) {
  std::vector<int> order;
  {
    ThreadPool pool(1);
    for (int i = 0; i < 100; ++i) pool.submit([&order, i] { order.push_back(i); });
  }
  ASSERT_EQ(order.size(), 100u);  // the destructor finished what was submitted
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[i], i);
}

TEST(ThreadPoolTest, ParallelForVisitsEachIndexOnce) {
  ThreadPool pool(3);
  for (size_t count : {0, 1, 2, 7, 1000}) {
    for (size_t grain : {1, 3, 64}) {
      std::vector<std::atomic<int>> visits(count);
      pool.parallel_for(count, [&](size_t i) { ++visits[i]; }, grain);
      for (auto& v : visits) ASSERT_EQ(v, 1);
    }
  }
}

TEST(ThreadPoolTest, ParallelForNestsEvenOnOneThread) {
  ThreadPool pool(1);
  std::atomic<int> sum = 0;
  pool.parallel_for(8, [&](size_t) { pool.parallel_for(8, [&](size_t j) { sum += static_cast<int>(j); }); });
  EXPECT_EQ(sum, 8 * 28);
}

TEST(ThreadPoolTest, TheFirstErrorStopsTheLoop) {
  ThreadPool pool(2);
  std::atomic<int> visited = 0;
  auto body = [&](size_t i) {
    ++visited;
    if (i == 5) throw NumericError("nan");
  };
  EXPECT_THROW(pool.parallel_for(1'000'000, body), NumericError);
  EXPECT_LT(visited, 1'000'000);
}

}  // namespace
}  // namespace loongforge
