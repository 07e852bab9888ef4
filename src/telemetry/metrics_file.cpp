// SPDX-License-Identifier: Apache-2.0
#include "loongforge/telemetry/metrics_file.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "loongforge/core/error.h"
#include "loongforge/core/files.h"

namespace loongforge::telemetry {

namespace {

/// The lines to keep: whole JSON objects of steps up to `last_step`.
std::string kept_lines(const std::string& text, int64_t last_step) {
  std::string kept;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    if (end == std::string::npos) break;  // torn
    const std::string line = text.substr(at, end - at);
    const Json record = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (record.is_object() && record.contains("step") && record["step"].is_number() && record["step"] <= last_step) {
      kept += line + '\n';
    }
    at = end + 1;
  }
  return kept;
}

Json finite(const Json& record) {
  Json result = record;
  for (auto& [key, value] : result.items()) {
    if (!value.is_number_float() || std::isfinite(value.get<double>())) continue;
    value = std::isnan(value.get<double>()) ? "nan" : value.get<double>() > 0 ? "inf" : "-inf";
  }
  return result;
}

}  // namespace

MetricsFile::MetricsFile(std::filesystem::path path, int64_t resumed_step) : path_(std::move(path)) {
  if (std::filesystem::exists(path_)) write_file(path_, kept_lines(read_file(path_), resumed_step));
  file_.open(path_, std::ios::app);
  if (!file_) throw ResourceError(fmt::format("cannot write {}", path_.string()), "check run.output_dir and its rights");
}

void MetricsFile::write(const Json& record) {
  file_ << finite(record).dump() << std::endl;
  if (!file_) throw ResourceError(fmt::format("cannot write {}", path_.string()), "is the disk full?");
}

}  // namespace loongforge::telemetry
