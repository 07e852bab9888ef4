// SPDX-License-Identifier: Apache-2.0
// A JSON value with its place, so that every complaint about a tokenizer.json says where.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace loongforge::tokenizer {

/// How deep components of a tokenizer.json may nest.
inline constexpr int kMaxNesting = 32;

class JsonNode {
 public:
  JsonNode(const nlohmann::json& value, std::string path) : value_(&value), path_(std::move(path)) {}

  const nlohmann::json& json() const { return *value_; }
  const std::string& path() const { return path_; }
  bool is_null() const { return value_->is_null(); }

  /// Whether this is an object with a non-null member `key`.
  bool has(std::string_view key) const;
  /// Member of an object; DataError when this is no object or the member is missing.
  JsonNode at(std::string_view key) const;
  /// Elements of an array; DataError when this is none.
  std::vector<JsonNode> elements() const;
  std::string string() const;
  bool boolean() const;
  /// A non-negative integer below 2^31 - 1.
  int32_t id() const;
  std::string string_or(std::string_view key, std::string fallback) const;
  bool bool_or(std::string_view key, bool fallback) const;

  /// Throws DataError "path: what".
  [[noreturn]] void fail(const std::string& what) const;

 private:
  const nlohmann::json* value_;
  std::string path_;
};

}  // namespace loongforge::tokenizer
