// SPDX-License-Identifier: Apache-2.0
#include "loongforge/core/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loongforge/core/log.h"

namespace loongforge {
namespace {

TEST(ErrorTest, TypesCarryTheirExitCodeAndHint) {
  try {
    throw CheckpointError("manifest.json is damaged", "use an older step");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::checkpoint);
    EXPECT_EQ(static_cast<int>(error.code()), 4);
    EXPECT_EQ(error.hint(), "use an older step");
  }
  EXPECT_EQ(ConfigError("x").code(), ExitCode::usage);
  EXPECT_EQ(ResourceError("x").code(), ExitCode::resource);
}

TEST(ErrorTest, AssertNamesPlaceConditionAndMessage) {
  int rank = 3;
  LF_ASSERT(rank == 3);
  try {
    LF_ASSERT(rank < 2, "rank {}", rank);
    FAIL();
  } catch (const std::logic_error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("error_test.cpp"));
    EXPECT_THAT(error.what(), testing::HasSubstr("rank < 2 does not hold: rank 3"));
  }
}

TEST(LogTest, LevelsAndRanks) {
  testing::internal::CaptureStderr();
  set_log_level(LogLevel::info);
  log_debug("unseen {}", 1);
  log_info("plain {}", "{}");
  set_log_rank(3);
  log_warning("odd {}", 2);
  set_log_rank(-1);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "plain {}\n[rank 3] warning: odd 2\n");
  EXPECT_FALSE(log_enabled(LogLevel::debug));
}

}  // namespace
}  // namespace loongforge
