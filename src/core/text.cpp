// SPDX-License-Identifier: Apache-2.0
#include "loongforge/core/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace loongforge {
namespace {

std::string folded(std::string_view name) {
  std::string out(name);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == '-') c = '_';
  }
  return out;
}

}  // namespace

int edit_distance(std::string_view a, std::string_view b) {
  std::vector<int> before_last, last, row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = static_cast<int>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    before_last = std::exchange(last, row);
    row[0] = static_cast<int>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
  }
  return row[b.size()];
}

std::optional<std::string> nearest(std::string_view name, std::span<const std::string> candidates) {
  const std::string key = folded(name);
  const std::string* best = nullptr;
  // A third of the letters may be wrong; a name that contains the other whole is a weaker match than any misspelling.
  int best_score = static_cast<int>(key.size()) / 3 + 1;
  for (const std::string& candidate : candidates) {
    std::string other = folded(candidate);
    int score = edit_distance(key, other);
    if (score < best_score || (!best && score == best_score && key.size() > 2)) best = &candidate, best_score = score;
  }
  for (const std::string& candidate : candidates) {
    std::string other = folded(candidate);
    if (best || key.size() < 4 || other.size() < 4) continue;
    if (other.find(key) != std::string::npos || key.find(other) != std::string::npos) best = &candidate;
  }
  return best ? std::optional(*best) : std::nullopt;
}

std::string join_names(std::span<const std::string> names, size_t at_most) {
  std::string out = fmt::format("{}", fmt::join(names.begin(), names.begin() + std::min(names.size(), at_most), ", "));
  return names.size() <= at_most ? out : out + fmt::format(", … ({} in all)", names.size());
}

std::string format_bytes(uint64_t bytes) {
  constexpr std::array kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double value = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  // 1023.995 would print as 1024.00 of a unit: move up first.
  for (; value >= 1023.995 && unit + 1 < kUnits.size(); value /= 1024) ++unit;
  return fmt::format("{:.2f} {}", value, kUnits[unit]);
}

std::string format_count(double count) {
  constexpr std::array kUnits = {"", "k", "M", "B", "T"};
  double value = std::abs(count);
  size_t unit = 0;
  for (; value >= 999.5 && unit + 1 < kUnits.size(); value /= 1000) ++unit;
  int digits = unit == 0 && value == std::floor(value) ? 0 : value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return fmt::format("{}{:.{}f}{}", count < 0 ? "-" : "", value, digits, kUnits[unit]);
}

std::string format_duration(double seconds) {
  if (!(seconds >= 0) || !std::isfinite(seconds)) return "?";
  if (seconds < 9.995) return fmt::format("{:.2f}s", seconds);
  // Beyond any run, and still inside int64.
  auto total = static_cast<int64_t>(std::llround(std::min(seconds, 1e15)));
  int64_t days = total / 86400, hours = total / 3600 % 24, minutes = total / 60 % 60;
  if (days > 0) return fmt::format("{}d{:02}h", days, hours);
  if (hours > 0) return fmt::format("{}h{:02}m", hours, minutes);
  if (minutes > 0) return fmt::format("{}m{:02}s", minutes, total % 60);
  return fmt::format("{}s", total);
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  size_t first = text.find_first_not_of(kSpace);
  return first == text.npos ? std::string_view{} : text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (size_t end; (end = text.find(separator)) != text.npos; text.remove_prefix(end + 1)) {
    parts.push_back(text.substr(0, end));
  }
  parts.push_back(text);
  return parts;
}

bool glob_match(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0, star = pattern.npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++, resume = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p, ++t;
    } else if (star != pattern.npos) {
      p = star + 1, t = ++resume;  // let the last star eat one more character
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == pattern.npos;
}

}  // namespace loongforge
