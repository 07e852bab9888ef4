// SPDX-License-Identifier: Apache-2.0
#include "loongforge/launch/capture.h"

#include <gtest/gtest.h>

#include "loongforge/core/error.h"

namespace loongforge::launch {
namespace {

using std::chrono::milliseconds;

TEST(Capture, BothStreamsAndTheExitCode) {
  const auto answer = run_captured({"sh", "-c", "echo out; echo err >&2; exit 3"}, milliseconds(60000));
  EXPECT_EQ(answer.out, "out\n");
  EXPECT_EQ(answer.err, "err\n");
  EXPECT_EQ(answer.exit_code, 3);
  EXPECT_FALSE(answer.timed_out);
}

TEST(Capture, LongOutputIsNotCutAndCannotBlock) {
  const auto answer =
      run_captured({"sh", "-c", "head -c 300000 /dev/zero >&2; head -c 300000 /dev/zero"}, milliseconds(60000));
  EXPECT_EQ(answer.out.size(), 300000u);
  EXPECT_EQ(answer.err.size(), 300000u);
}

TEST(Capture, TheLimitEndsIt) {
  const auto endless = run_captured({"sleep", "600"}, milliseconds(20));
  EXPECT_TRUE(endless.timed_out);
  EXPECT_EQ(endless.exit_code, 128 + 9);
}

TEST(Capture, WhatIsNotThere) { EXPECT_THROW(run_captured({"lf-no-such-program"}, milliseconds(100)), ConfigError); }

}  // namespace
}  // namespace loongforge::launch
