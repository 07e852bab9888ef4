// SPDX-License-Identifier: Apache-2.0
#include "loongforge/config/problems.h"

#include <fmt/format.h>

#include <algorithm>

#include "loongforge/core/error.h"

namespace loongforge::config {

void Problems::add(const Place& place, std::string text) { items_.push_back({place, std::move(text)}); }

std::string Problems::text() const {
  std::vector<const Item*> order;
  for (const Item& item : items_) order.push_back(&item);
  // Files in the order of their first problem; inside one, by line.
  auto file_rank = [&](const Item* item) {
    auto same = [&](const Item& other) {
      bool known = other.place.origin && item->place.origin;
      return known ? *other.place.origin == *item->place.origin : other.place.origin == item->place.origin;
    };
    return std::find_if(items_.begin(), items_.end(), same) - items_.begin();
  };
  std::stable_sort(order.begin(), order.end(), [&](const Item* a, const Item* b) {
    return std::make_tuple(file_rank(a), a->place.line, a->place.column) <
           std::make_tuple(file_rank(b), b->place.line, b->place.column);
  });
  std::vector<std::string> lines;
  for (const Item* item : order) {
    std::string line = item->place.origin ? fmt::format("{}: {}", item->place.text(), item->text) : item->text;
    if (std::find(lines.begin(), lines.end(), line) == lines.end()) lines.push_back(std::move(line));
  }
  return fmt::format("{}", fmt::join(lines, "\n"));
}

void Problems::throw_if_any() const {
  if (items_.empty()) return;
  std::string lines = text();
  auto count = 1 + std::count(lines.begin(), lines.end(), '\n');
  throw ConfigError(count == 1 ? lines : fmt::format("{} problems in the configuration\n{}", count, lines),
                    "every field with its meaning and default: loongforge train --help-config");
}

}  // namespace loongforge::config
