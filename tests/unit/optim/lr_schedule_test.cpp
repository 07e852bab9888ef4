// SPDX-License-Identifier: Apache-2.0
#include "loongforge/optim/lr_schedule.h"

#include <gtest/gtest.h>

#include "loongforge/core/error.h"
#include "unit/optim/golden.h"

namespace loongforge::optim {
namespace {

constexpr double kPeak = 0.003;

LrConfig config_of(const std::string& name, const nlohmann::json& options, const nlohmann::json& data) {
  static const std::map<std::string, std::string> kinds = {
      {"constant", "constant"}, {"constant_with_warmup", "constant"}, {"linear", "linear"}, {"cosine", "cosine"},
      {"cosine_with_min_lr", "cosine"}, {"inverse_sqrt", "inverse_sqrt"}, {"warmup_stable_decay", "wsd"}};
  LrConfig config;
  config.kind = kinds.at(name);
  config.lr = kPeak;
  config.total_steps = data["total_steps"];
  config.warmup_steps = name == "constant" ? 0 : data["warmup_steps"].get<int64_t>();
  config.min_lr = kPeak * std::max(options.value("min_lr_rate", 0.0), options.value("min_lr_ratio", 0.0));
  config.decay_steps = options.value("num_decay_steps", 0);
  config.decay_type = options.value("decay_type", "linear");
  return config;
}

TEST(LrSchedule, EqualsTransformers) {
  const auto data = nlohmann::json::parse(golden::read_text("lr_schedules.json"));
  ASSERT_FALSE(data["schedules"].empty());
  for (const auto& row : data["schedules"]) {
    const LrSchedule schedule(config_of(row["name"], row["options"], data));
    const auto values = row["values"].get<std::vector<double>>();
    for (size_t step = 0; step < values.size(); ++step) {
      EXPECT_NEAR(schedule.at(static_cast<int64_t>(step)), kPeak * values[step], 1e-15)
          << row["name"] << " " << row["options"] << " step " << step;
    }
  }
}

TEST(LrSchedule, LinearEndsAtItsFloor) {
  const LrSchedule schedule({.kind = "linear", .lr = 1.0, .min_lr = 0.25, .warmup_steps = 2, .total_steps = 10});
  EXPECT_DOUBLE_EQ(schedule.at(1), 0.5);
  EXPECT_DOUBLE_EQ(schedule.at(2), 1.0);
  EXPECT_DOUBLE_EQ(schedule.at(6), 0.625);
  EXPECT_DOUBLE_EQ(schedule.at(10), 0.25);
}

TEST(LrSchedule, RefusesWhatDoesNotFit) {
  EXPECT_THROW(LrSchedule({.kind = "cosin"}), ConfigError);
  EXPECT_THROW(LrSchedule({.kind = "linear", .lr = 1e-3, .min_lr = 1e-2}), ConfigError);
  EXPECT_THROW(LrSchedule({.kind = "wsd", .warmup_steps = 8, .total_steps = 10, .decay_steps = 5}), ConfigError);
}

}  // namespace
}  // namespace loongforge::optim
