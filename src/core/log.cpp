// SPDX-License-Identifier: Apache-2.0
#include "loongforge/core/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <memory>

namespace loongforge {
namespace {

constexpr std::array<std::string_view, 5> kNames = {"debug", "info", "warning", "error", "off"};
constexpr std::array kLevels = {spdlog::level::debug, spdlog::level::info, spdlog::level::warn, spdlog::level::err,
                                spdlog::level::off};
std::atomic<int> rank{-1};

LogLevel first_level() {
  const char* text = std::getenv("LOONGFORGE_LOG");
  for (size_t i = 0; text && i < kNames.size(); ++i) {
    if (kNames[i] == text) return static_cast<LogLevel>(i);
  }
  return LogLevel::info;
}

spdlog::logger& logger() {
  static const std::unique_ptr<spdlog::logger> instance = [] {
    auto made = std::make_unique<spdlog::logger>("loongforge", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    made->set_level(kLevels[static_cast<size_t>(first_level())]);
    return made;
  }();
  return *instance;
}

}  // namespace

void set_log_level(LogLevel level) { logger().set_level(kLevels[static_cast<size_t>(level)]); }
void set_log_rank(int value) { rank = value; }
bool log_enabled(LogLevel level) { return logger().should_log(kLevels[static_cast<size_t>(level)]); }

void log_line(LogLevel level, std::string_view text) {
  std::string prefix = rank >= 0 ? fmt::format("[rank {}] ", rank.load()) : "";
  if (level != LogLevel::info) prefix += fmt::format("{}: ", kNames[static_cast<size_t>(level)]);
  logger().log(kLevels[static_cast<size_t>(level)], "{}{}", prefix, text);
}

}  // namespace loongforge
