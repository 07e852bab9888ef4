// SPDX-License-Identifier: Apache-2.0
// metrics.jsonl: one JSON object a line, the truth that every other view of a run is made from.
#pragma once
#include <cstdint>
#include <filesystem>
#include <fstream>

#include "loongforge/core/json.h"

namespace loongforge::telemetry {

class MetricsFile {
 public:
  /// Opens for appending. Lines of steps after `resumed_step` (a crashed run's that will be done again) and a torn last
  /// line are dropped first. Throws ResourceError.
  MetricsFile(std::filesystem::path path, int64_t resumed_step);
  /// Appends one line and flushes it. `record` holds "step". Non-finite numbers are written as strings.
  /// Throws ResourceError.
  void write(const Json& record);
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  std::ofstream file_;
};

}  // namespace loongforge::telemetry
