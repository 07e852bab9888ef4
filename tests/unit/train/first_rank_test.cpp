// SPDX-License-Identifier: Apache-2.0
#include "loongforge/train/first_rank.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "loongforge/comm/thread_world.h"
#include "loongforge/core/error.h"

namespace loongforge::train {
namespace {

using namespace std::chrono_literals;

TEST(FirstRankFirst, WorkLongerThanTheGroupsTimeoutIsWaitedFor) {
  comm::ThreadWorld world(3, {.timeout = 300ms});
  std::promise<void> never;
  std::atomic<bool> prepared = false;
  std::atomic<int> saw = 0;
  world.run([&](const comm::Group& group) {
    first_rank_first(group, 20ms, [&] {
      if (group.rank() == 0) {
        never.get_future().wait_for(900ms);  // three times what a collective may take
        prepared = true;
      } else if (prepared) {
        ++saw;
      }
    });
  });
  EXPECT_EQ(saw, 2);
}

TEST(FirstRankFirst, AFailureEndsAllWithItsReason) {
  comm::ThreadWorld world(2, {.timeout = 30s});
  std::atomic<int> others = 0;
  try {
    world.run([&](const comm::Group& group) {
      first_rank_first(group, 20ms, [&] {
        if (group.rank() != 0) ++others;
        throw DataError("no corpus");
      });
    });
    FAIL() << "nothing was thrown";
  } catch (const DataError& error) {
    EXPECT_STREQ(error.what(), "no corpus");
  }
  EXPECT_EQ(others, 0);
}

}  // namespace
}  // namespace loongforge::train
