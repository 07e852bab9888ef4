// SPDX-License-Identifier: Apache-2.0
#include "comm/work_watch.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <stdexcept>

namespace loongforge::comm {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kPeriod{1};
constexpr milliseconds kForever{3'600'000};

/// What the watch says of one operation.
std::string alarm_of(milliseconds timeout, std::function<bool()> done) {
  std::promise<std::string> alarm;
  WorkWatch watch(timeout, kPeriod, [&](const std::string& why) { alarm.set_value(why); });
  watch.add("all_reduce of group tp", std::move(done));
  return alarm.get_future().get();
}

TEST(WorkWatch, NamesAnOperationThatDoesNotFinish) {
  EXPECT_EQ(alarm_of(milliseconds(5), [] { return false; }), "all_reduce of group tp did not finish within 0.005 s");
}

TEST(WorkWatch, TellsTheFirstLineOfAFailure) {
  EXPECT_EQ(alarm_of(kForever, []() -> bool { throw std::runtime_error("peer is gone\nstack"); }),
            "all_reduce of group tp: peer is gone");
}

TEST(WorkWatch, ForgetsWhatHasFinished) {
  std::atomic<int> alarms{0}, asked{0};
  std::promise<void> looked_again;
  {
    WorkWatch watch(kForever, kPeriod, [&](const std::string&) { ++alarms; });
    watch.add("done", [&] { return ++asked > 0; });
    watch.add("later", [&, polls = 0]() mutable {
      if (++polls == 3) looked_again.set_value();
      return polls >= 3;
    });
    looked_again.get_future().get();
  }
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(alarms, 0);
}

TEST(WorkWatch, AtRestItRaisesNoAlarm) {
  std::atomic<int> alarms{0};
  {
    WorkWatch watch(milliseconds(0), kPeriod, [&](const std::string&) { ++alarms; });
    watch.rest();
    watch.add("broken", [] { return false; });
  }
  EXPECT_EQ(alarms, 0);
}

}  // namespace
}  // namespace loongforge::comm
