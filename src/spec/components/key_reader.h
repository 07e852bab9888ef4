// SPDX-License-Identifier: Apache-2.0
// Reads typed keys of a JSON object and collects every problem, so that a user sees all of them at once.
#pragma once
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace loongforge::spec {

/// A key that is null counts as absent. A key without a fallback is required.
class KeyReader {
 public:
  explicit KeyReader(const nlohmann::ordered_json& object) : object_(&object) {}

  const nlohmann::ordered_json* find(const std::string& key) const;
  int64_t integer(const std::string& key, std::optional<int64_t> fallback = {});
  double number(const std::string& key, std::optional<double> fallback = {});
  bool flag(const std::string& key, std::optional<bool> fallback = {});
  std::string text(const std::string& key, std::optional<std::string> fallback = {});
  std::optional<double> optional_number(const std::string& key);

  void problem(std::string what, std::string hint = {});
  /// Takes over the problems of a nested object, its keys prefixed with "prefix.".
  void absorb(const KeyReader& nested, const std::string& prefix);
  /// Throws ConfigError when there were problems.
  void finish() const;

 private:
  template <class T, class Is>
  T read(const std::string& key, std::optional<T> fallback, Is is, const char* expected);
  void wrong_type(const std::string& key, const char* expected);

  const nlohmann::ordered_json* object_;
  std::vector<std::string> missing_, problems_, hints_;
};

}  // namespace loongforge::spec
