// SPDX-License-Identifier: Apache-2.0
#include "loongforge/optim/lr_schedule.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "loongforge/core/error.h"

namespace loongforge::optim {
namespace {

constexpr std::array kKinds = {"constant", "linear", "cosine", "inverse_sqrt", "wsd"};
constexpr std::array kDecayTypes = {"linear", "cosine", "1-sqrt"};
constexpr double kInverseSqrtTimescale = 10000;

template <class Names>
void require(const char* key, const std::string& value, const Names& names) {
  if (std::find(names.begin(), names.end(), value) != names.end()) return;
  throw ConfigError(fmt::format("{} is `{}`", key, value), fmt::format("choose one of {}", fmt::join(names, ", ")));
}

double ratio(int64_t part, int64_t whole) { return static_cast<double>(part) / static_cast<double>(std::max<int64_t>(1, whole)); }

double half_cosine(double progress, double cycles) {
  return std::max(0.0, 0.5 * (1.0 + std::cos(std::numbers::pi * cycles * 2.0 * progress)));
}

}  // namespace

LrSchedule::LrSchedule(LrConfig config) : config_(std::move(config)) {
  require("optim.schedule", config_.kind, kKinds);
  require("optim.decay_type", config_.decay_type, kDecayTypes);
  if (config_.lr < 0 || config_.min_lr < 0 || config_.min_lr > config_.lr) {
    throw ConfigError(fmt::format("optim.min_lr {} is not between 0 and optim.lr {}", config_.min_lr, config_.lr));
  }
  if (config_.warmup_steps < 0 || config_.decay_steps < 0) throw ConfigError("optim.warmup_steps or decay_steps is negative");
  if (config_.kind == "wsd" && config_.warmup_steps + config_.decay_steps > config_.total_steps) {
    throw ConfigError(fmt::format("wsd: {} warm-up and {} decay steps are more than {} steps", config_.warmup_steps,
                                  config_.decay_steps, config_.total_steps),
                      "shorten optim.warmup_steps or optim.decay_steps");
  }
}

// The factor after warm-up in [0, 1], before the floor is applied.
double LrSchedule::factor(int64_t step) const {
  const int64_t warmup = config_.warmup_steps, total = config_.total_steps;
  if (config_.kind == "linear") return std::max(0.0, ratio(total - step, total - warmup));
  if (config_.kind == "cosine") return half_cosine(ratio(step - warmup, total - warmup), config_.cycles);
  if (config_.kind == "wsd") {
    const int64_t stable_end = total - config_.decay_steps;
    if (step < stable_end) return 1.0;
    if (step >= total) return 0.0;
    const double progress = ratio(step - stable_end, config_.decay_steps);
    if (config_.decay_type == "linear") return 1.0 - progress;
    if (config_.decay_type == "cosine") return half_cosine(progress, config_.cycles);
    return 1.0 - std::sqrt(progress);
  }
  return 1.0;
}

double LrSchedule::at(int64_t step) const {
  const double floor = config_.lr > 0 ? config_.min_lr / config_.lr : 0.0;
  const auto with_floor = [&](double factor) { return config_.lr * (factor * (1.0 - floor) + floor); };
  if (step < config_.warmup_steps) {
    const double progress = ratio(step, config_.warmup_steps);
    return config_.kind == "wsd" ? with_floor(progress) : config_.lr * progress;
  }
  if (config_.kind == "constant") return config_.lr;
  if (config_.kind == "inverse_sqrt") {
    const double fallback = config_.warmup_steps > 0 ? static_cast<double>(config_.warmup_steps) : kInverseSqrtTimescale;
    const double timescale = config_.timescale ? static_cast<double>(*config_.timescale) : fallback;
    const double elapsed = static_cast<double>(step - config_.warmup_steps) + timescale;
    return std::max(config_.min_lr, config_.lr / std::sqrt(elapsed / timescale));
  }
  return with_floor(factor(step));
}

}  // namespace loongforge::optim
