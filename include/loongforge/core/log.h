// SPDX-License-Identifier: Apache-2.0
// Messages for people, on stderr: "[rank 3] warning: …". Results and step lines don't go through here.
#pragma once
#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace loongforge {

enum class LogLevel { debug, info, warning, error, off };

/// Sets the least level that is shown (default: info, or $LOONGFORGE_LOG=debug|info|warning|error|off).
void set_log_level(LogLevel level);
/// Ranks of a run of several mark their lines; −1 (the default) marks none.
void set_log_rank(int rank);
bool log_enabled(LogLevel level);
/// Writes one line; thread-safe.
void log_line(LogLevel level, std::string_view text);

template <class... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(LogLevel::debug)) log_line(LogLevel::debug, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(LogLevel::info)) log_line(LogLevel::info, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(LogLevel::warning)) log_line(LogLevel::warning, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_error(fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(LogLevel::error)) log_line(LogLevel::error, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace loongforge
