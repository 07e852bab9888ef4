// SPDX-License-Identifier: Apache-2.0
#include "spec/components/key_reader.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "loongforge/core/error.h"
#include "loongforge/core/json.h"

namespace loongforge::spec {

const Json* KeyReader::find(const std::string& key) const {
  if (!object_->is_object()) return nullptr;
  auto it = object_->find(key);
  return it == object_->end() || it->is_null() ? nullptr : &*it;
}

void KeyReader::wrong_type(const std::string& key, const char* expected) {
  problem(fmt::format("{} is {}, not {}", key, find(key)->dump(), expected));
}

template <class T, class Is>
T KeyReader::read(const std::string& key, std::optional<T> fallback, Is is, const char* expected) {
  const Json* value = find(key);
  if (value && is(*value)) return value->template get<T>();
  if (value) {
    wrong_type(key, expected);
  } else if (!fallback) {
    missing_.push_back(key);
  }
  return fallback.value_or(T{});
}

int64_t KeyReader::integer(const std::string& key, std::optional<int64_t> fallback) {
  return read(key, fallback, [](const Json& v) { return v.is_number_integer(); }, "an integer");
}

double KeyReader::number(const std::string& key, std::optional<double> fallback) {
  return read(key, fallback, [](const Json& v) { return v.is_number(); }, "a number");
}

bool KeyReader::flag(const std::string& key, std::optional<bool> fallback) {
  return read(key, fallback, [](const Json& v) { return v.is_boolean(); }, "true or false");
}

std::string KeyReader::text(const std::string& key, std::optional<std::string> fallback) {
  return read(key, fallback, [](const Json& v) { return v.is_string(); }, "a string");
}

std::optional<double> KeyReader::optional_number(const std::string& key) {
  return find(key) ? std::optional(number(key, 0.0)) : std::nullopt;
}

void KeyReader::problem(std::string what, std::string hint) {
  problems_.push_back(std::move(what));
  if (!hint.empty() && std::find(hints_.begin(), hints_.end(), hint) == hints_.end()) hints_.push_back(std::move(hint));
}

void KeyReader::absorb(const KeyReader& nested, const std::string& prefix) {
  for (const std::string& key : nested.missing_) missing_.push_back(fmt::format("{}.{}", prefix, key));
  for (const std::string& what : nested.problems_) problems_.push_back(fmt::format("{}.{}", prefix, what));
  hints_.insert(hints_.end(), nested.hints_.begin(), nested.hints_.end());
}

void KeyReader::finish() const {
  std::vector<std::string> all;
  if (!missing_.empty()) all.push_back(fmt::format("missing {}", fmt::join(missing_, ", ")));
  all.insert(all.end(), problems_.begin(), problems_.end());
  if (all.empty()) return;
  std::string hint = fmt::format("{}", fmt::join(hints_, "; "));
  if (hint.empty()) hint = "compare with the config.json of the published model";
  throw ConfigError(fmt::format("model configuration: {}", fmt::join(all, "; ")), hint);
}

}  // namespace loongforge::spec
