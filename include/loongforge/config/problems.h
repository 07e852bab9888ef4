// SPDX-License-Identifier: Apache-2.0
// Problems: what is wrong with a configuration, collected so that all of it is reported at once.
#pragma once
#include <string>
#include <vector>

#include "loongforge/config/value.h"

namespace loongforge::config {

class Problems {
 public:
  /// `text` says what is wrong and what is valid; the place is put in front of it.
  void add(const Place& place, std::string text);
  bool empty() const { return items_.empty(); }
  size_t size() const { return items_.size(); }
  /// One line a problem, "place: text", in the order of files and lines.
  std::string text() const;
  /// Throws ConfigError with `text()` (after a count, when there are several) unless there are none.
  void throw_if_any() const;

 private:
  struct Item {
    Place place;
    std::string text;
  };
  std::vector<Item> items_;
};

}  // namespace loongforge::config
