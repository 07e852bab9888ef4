// SPDX-License-Identifier: Apache-2.0
// Schedules against the closed forms of systems §4.1.
#include <gmock/gmock.h>

#include "loongforge/schedule/generators.h"
#include "loongforge/schedule/simulator.h"
#include "loongforge/schedule/validator.h"

namespace loongforge::schedule {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr Times kTimes{.f = 1.0, .b = 1.25, .w = 0.75};

void expect_valid(const Schedule& schedule, int v, int m) {
  EXPECT_THAT(problems(schedule, v, m), IsEmpty());
  EXPECT_EQ(deadlock(schedule, {.blocking_sends = false, .window = 2}), std::nullopt);
}

TEST(Schedule, EveryGeneratedListIsValid) {
  for (int p = 1; p <= 6; ++p) {
    for (int m = 1; m <= 13; ++m) {
      SCOPED_TRACE(testing::Message() << "p " << p << " m " << m);
      expect_valid(one_f_one_b(p, m), 1, m);
      expect_valid(zb_h1(p, m), 1, m);
      for (int v = 2; v <= 4; ++v) expect_valid(interleaved(p, v, m), v, m);
    }
  }
}

TEST(Schedule, OneFOneBClosedForms) {
  for (int p : {1, 2, 3, 4, 7}) {
    for (int m : {p, p + 1, 3 * p + 2}) {
      const Schedule schedule = one_f_one_b(p, m);
      const Timeline timeline = simulate(schedule, kTimes);
      const std::vector<int> peaks = peak_activations(schedule);
      for (int s = 0; s < p; ++s) {
        EXPECT_NEAR(timeline.bubble(s), (p - 1) * 3.0, 1e-9);
        EXPECT_EQ(peaks[s], std::min(m, p - s));
      }
      EXPECT_NEAR(timeline.bubble(0) / timeline.makespan, double(p - 1) / (m + p - 1), 1e-12);
    }
  }
}

TEST(Schedule, OneFOneBWithFewerMicrobatchesThanStages) {
  const Schedule schedule = one_f_one_b(4, 2);
  const std::vector<Op> first = {{OpKind::F, 0, 0}, {OpKind::F, 0, 1}, {OpKind::BW, 0, 0}, {OpKind::BW, 0, 1}};
  EXPECT_EQ(schedule[0], first);
  const std::vector<Op> last = {{OpKind::F, 3, 0}, {OpKind::BW, 3, 0}, {OpKind::F, 3, 1}, {OpKind::BW, 3, 1}};
  EXPECT_EQ(schedule[3], last);
}

TEST(Schedule, InterleavedClosedForms) {
  for (int p : {2, 3, 4}) {
    for (int v : {2, 3, 4}) {
      const int m = 4 * p;
      const Schedule schedule = interleaved(p, v, m);
      const Timeline timeline = simulate(schedule, {kTimes.f / v, kTimes.b / v, kTimes.w / v});
      for (int s = 0; s < p; ++s) EXPECT_NEAR(timeline.bubble(s), (p - 1) * 3.0 / v, 1e-9);
      EXPECT_EQ(peak_activations(schedule)[0], p * v + p - 1);
    }
  }
}

TEST(Schedule, ZbH1ClosedForms) {
  for (int p : {2, 3, 4, 6}) {
    const int m = 3 * p;
    const Schedule schedule = zb_h1(p, m);
    for (Times times : {Times{}, Times{.f = 1, .b = 1, .w = 0.5}}) {
      const Timeline timeline = simulate(schedule, times);
      for (int s = 0; s < p; ++s) EXPECT_NEAR(timeline.bubble(s), (p - 1) * (times.f + times.b - times.w), 1e-9);
    }
    for (int peak : peak_activations(schedule)) EXPECT_EQ(peak, p);
  }
}

// Blocking sends need a receive posted in advance: without look-ahead two devices already wait for each other.
TEST(Schedule, BlockingRendezvousDeadlocks) {
  for (const Schedule& schedule : {one_f_one_b(2, 4), zb_h1(2, 4), interleaved(2, 2, 4)}) {
    auto stuck = deadlock(schedule, {.blocking_sends = true});
    ASSERT_TRUE(stuck);
    EXPECT_THAT(*stuck, HasSubstr("device 0 sends F1.0"));
    EXPECT_EQ(deadlock(schedule, {.blocking_sends = false}), std::nullopt);
  }
  EXPECT_EQ(deadlock(one_f_one_b(4, 9), {.blocking_sends = true, .window = 2}), std::nullopt);
}

TEST(Schedule, MessagesKeepTheirOrder) {
  for (int p : {2, 3, 4}) {
    EXPECT_TRUE(consistent_order(one_f_one_b(p, 7), false));
    EXPECT_TRUE(consistent_order(zb_h1(p, 7), false));
    EXPECT_TRUE(consistent_order(interleaved(p, 2, 7), true));
  }
  Schedule swapped = one_f_one_b(2, 4);
  std::swap(swapped[0][2], swapped[0][3]);  // F1, BW0 become BW0, F1: each direction keeps its own order
  EXPECT_TRUE(consistent_order(swapped, false));
  std::swap(swapped[0][0], swapped[0][1]);  // F1 is sent before F0
  EXPECT_FALSE(consistent_order(swapped, true));
  // Both neighbours of a device are one when p = 2: forward and backward messages then share a channel.
  const auto f = [](int vs, int mb) { return Op{OpKind::F, vs, mb}; };
  const auto b = [](int vs, int mb) { return Op{OpKind::BW, vs, mb}; };
  const Schedule mixed = {{f(0, 0), f(0, 1), f(2, 0), b(2, 0), f(2, 1), b(2, 1), b(0, 0), b(0, 1)},
                          {f(1, 0), b(1, 0), f(1, 1), b(1, 1)}};
  EXPECT_TRUE(consistent_order(mixed, true));
  EXPECT_FALSE(consistent_order(mixed, false));
}

TEST(Schedule, ValidatorFindsPlantedMistakes) {
  const auto broken = [](auto&& change) {
    Schedule schedule = zb_h1(2, 3);
    change(schedule);
    return problems(schedule, 1, 3);
  };
  EXPECT_THAT(broken([](Schedule& s) { s[0].pop_back(); }), Contains("W2.0 is missing"));
  EXPECT_THAT(broken([](Schedule& s) { s[1].push_back(s[1][0]); }), Contains("device 1: F0.1 runs twice"));
  EXPECT_THAT(broken([](Schedule& s) { std::swap(s[1][0], s[1][1]); }),
              Contains("device 1: B0.1 runs before its forward"));
  EXPECT_THAT(broken([](Schedule& s) { std::swap(s[0], s[1]); }), Contains("device 0: F0.1 does not belong here"));
  EXPECT_THAT(broken([](Schedule& s) { s[0][0].mb = 3; }), Contains("F0.0 is missing"));
  Schedule circular = one_f_one_b(2, 2);
  std::swap(circular[0][1], circular[0][2]);  // F1 after B0 is fine for device 0 …
  std::swap(circular[1][1], circular[1][2]);  // … unless device 1 puts F1 before B0
  EXPECT_THAT(problems(circular, 1, 2), Contains(HasSubstr("circular: device 0 awaits the input of BW0.0")));
}

TEST(Schedule, TransfersDelayNeighboursOnly) {
  const Schedule schedule = one_f_one_b(3, 1);
  EXPECT_NEAR(simulate(schedule, {.transfer = 0.5}).makespan, 9 + 4 * 0.5, 1e-12);
  EXPECT_NEAR(simulate(one_f_one_b(1, 2), {.transfer = 0.5}).makespan, 6, 1e-12);
  const auto slow_last = [](const Op& op) { return op.vs == 2 ? 5.0 : 1.0; };
  EXPECT_NEAR(simulate(schedule, slow_last).makespan, 2 + 10 + 2, 1e-12);
}

TEST(Schedule, DrawsATimeline) {
  EXPECT_EQ(draw(simulate(one_f_one_b(2, 2))),
            "F0 F1 .  .  D0 -  .  D1 -\n"
            ".  F0 D0 -  F1 D1 -  .  .\n");
}

}  // namespace
}  // namespace loongforge::schedule
