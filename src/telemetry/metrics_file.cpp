// SPDX-License-Identifier: Apache-2.0
#include "loongforge/telemetry/metrics_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "loongforge/core/error.h"
#include "loongforge/core/files.h"
#include "loongforge/core/log.h"

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
  file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file_ < 0) throw ResourceError(fmt::format("cannot write {}", path_.string()), "check run.output_dir and its rights");
}

MetricsFile::~MetricsFile() {
  if (file_ >= 0) ::close(file_);
}

bool MetricsFile::write(const Json& record) {
  unwritten_ += finite(record).dump() + '\n';
  const off_t end = ::lseek(file_, 0, SEEK_END);
  const ssize_t written = ::write(file_, unwritten_.data(), unwritten_.size());
  if (written == static_cast<ssize_t>(unwritten_.size())) {
    unwritten_.clear();
    return true;
  }
  // A part of a line would spoil the one after it.
  if (written > 0 && ::ftruncate(file_, end) != 0) log_warning("{} ends in half a line", path_.string());
  return false;
}

}  // namespace loongforge::telemetry
