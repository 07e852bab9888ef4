// SPDX-License-Identifier: Apache-2.0
// metrics.jsonl: one JSON object a line, the truth that every other view of a run is made from.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "loongforge/core/json.h"

namespace loongforge::telemetry {

class MetricsFile {
 public:
  /// Opens for appending. Lines of steps after `resumed_step` (a crashed run's that will be done again) and a torn last
  /// line are dropped first. Throws ResourceError.
  MetricsFile(std::filesystem::path path, int64_t resumed_step);
  ~MetricsFile();
  MetricsFile(const MetricsFile&) = delete;
  MetricsFile& operator=(const MetricsFile&) = delete;
  /// Appends one line. `record` holds "step". Non-finite numbers are written as strings. False: the file can't be written
  /// now; the line is kept, and goes first at the next call.
  bool write(const Json& record);
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  int file_ = -1;
  std::string unwritten_;
};

}  // namespace loongforge::telemetry
