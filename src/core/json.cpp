// SPDX-License-Identifier: Apache-2.0
#include "loongforge/core/json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace loongforge {
namespace {

std::string place(std::string_view text, size_t byte, std::string_view origin) {
  std::string_view before = text.substr(0, std::min(byte > 0 ? byte - 1 : 0, text.size()));
  auto line = 1 + std::count(before.begin(), before.end(), '\n');
  size_t column = before.size() - (before.find_last_of('\n') == before.npos ? 0 : before.find_last_of('\n') + 1) + 1;
  return fmt::format("{}:{}:{}", origin, line, column);
}

// The library's text is "[json.exception…] parse error at line…: syntax error while … - <what>; last read: '…'".
std::string reason_of(std::string_view message) {
  size_t dash = message.find(" - ");
  return std::string(dash == message.npos ? message.substr(std::min(message.size(), message.find("] ") + 2))
                                          : message.substr(dash + 3));
}

[[noreturn]] void fail(FileRole role, const std::string& what) {
  if (role == FileRole::checkpoint) throw CheckpointError(what);
  if (role == FileRole::config) throw ConfigError(what);
  throw DataError(what);
}

}  // namespace

Json parse_json(std::string_view text, std::string_view origin, FileRole role) {
  try {
    return Json::parse(text.begin(), text.end());
  } catch (const nlohmann::json::parse_error& error) {
    fail(role, fmt::format("{}: not valid JSON: {}", place(text, error.byte, origin), reason_of(error.what())));
  } catch (const nlohmann::json::exception& error) {
    fail(role, fmt::format("{}: not valid JSON: {}", origin, reason_of(error.what())));
  }
}

Json read_json(const std::filesystem::path& path, FileRole role) {
  return parse_json(read_file(path, role), path.string(), role);
}

void write_json(const std::filesystem::path& path, const Json& value, FileRole role) {
  write_file(path, value.dump(2) + "\n", role);
}

}  // namespace loongforge
