// SPDX-License-Identifier: Apache-2.0
#include "loongforge/config/value.h"

#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "loongforge/core/error.h"
#include "loongforge/core/text.h"

namespace loongforge::config {

std::string Place::text() const {
  if (!origin) return "defaults";
  return line > 0 ? fmt::format("{}:{}:{}", *origin, line, column) : *origin;
}

// Out of line: a Value is complete only once Entry is.
Value::Value() = default;
Value::Value(bool value) : data_(value) {}
Value::Value(int64_t value) : data_(value) {}
Value::Value(int value) : data_(int64_t{value}) {}
Value::Value(double value) : data_(value) {}
Value::Value(std::string value) : data_(std::move(value)) {}
Value::Value(std::string_view value) : data_(std::string(value)) {}
Value::Value(const char* value) : data_(std::string(value)) {}
Value::Value(List value) : data_(std::move(value)) {}
Value::Value(Map value) : data_(std::move(value)) {}
Value Value::empty_map() { return Value(Map{}); }

std::string_view Value::kind_name() const {
  switch (kind()) {
    case Kind::null: return "null";
    case Kind::boolean: return "a boolean";
    case Kind::integer: return "an integer";
    case Kind::real: return "a real number";
    case Kind::string: return "a string";
    case Kind::list: return "a list";
    case Kind::map: break;
  }
  return "a map";
}

bool Value::is_missing() const { return is(Kind::string) && !quoted && as_string() == "???"; }

bool Value::as_bool() const {
  LF_ASSERT(is(Kind::boolean), "{}", kind_name());
  return std::get<bool>(data_);
}

int64_t Value::as_int() const {
  LF_ASSERT(is(Kind::integer), "{}", kind_name());
  return std::get<int64_t>(data_);
}

double Value::as_real() const {
  LF_ASSERT(is(Kind::integer) || is(Kind::real), "{}", kind_name());
  return is(Kind::integer) ? static_cast<double>(std::get<int64_t>(data_)) : std::get<double>(data_);
}

const std::string& Value::as_string() const {
  LF_ASSERT(is(Kind::string), "{}", kind_name());
  return std::get<std::string>(data_);
}

const Value::List& Value::list() const {
  LF_ASSERT(is(Kind::list), "{}", kind_name());
  return std::get<List>(data_);
}

Value::List& Value::list() { return const_cast<List&>(std::as_const(*this).list()); }

const Value::Map& Value::map() const {
  LF_ASSERT(is_map(), "{}", kind_name());
  return std::get<Map>(data_);
}

Value::Map& Value::map() { return const_cast<Map&>(std::as_const(*this).map()); }

const Value* Value::find(std::string_view key) const {
  if (!is_map()) return nullptr;
  for (const Entry& entry : map()) {
    if (entry.key == key) return &entry.value;
  }
  return nullptr;
}

Value* Value::find(std::string_view key) { return const_cast<Value*>(std::as_const(*this).find(key)); }

const Value* Value::at_path(std::string_view path) const {
  const Value* node = this;
  for (std::string_view part : split(path, '.')) {
    size_t bracket = part.find('[');
    if (bracket != 0) node = node->find(part.substr(0, bracket));
    while (node && bracket != part.npos) {
      size_t index = 0, close = part.find(']', bracket);
      auto [end, error] = std::from_chars(part.data() + bracket + 1, part.data() + part.size(), index);
      bool good = error == std::errc{} && close != part.npos && end == part.data() + close && node->is(Kind::list);
      node = good && index < node->list().size() ? &node->list()[index] : nullptr;
      bracket = close + 1 < part.size() ? close + 1 : part.npos;
    }
    if (!node) return nullptr;
  }
  return node;
}

Value& Value::set(std::string_view key, Value value) {
  if (Value* present = find(key)) return *present = std::move(value);
  Place place = value.place;
  return map().emplace_back(Entry{std::string(key), std::move(place), std::move(value)}).value;
}

bool Value::erase(std::string_view key) {
  return std::erase_if(map(), [&](const Entry& entry) { return entry.key == key; }) > 0;
}

std::vector<std::string> Value::keys() const {
  std::vector<std::string> names;
  for (const Entry& entry : map()) names.push_back(entry.key);
  return names;
}

void merge_into(Value& base, Value over) {
  if (!base.is_map() || !over.is_map()) {
    base = std::move(over);
    return;
  }
  for (Entry& entry : over.map()) {
    if (Value* present = base.find(entry.key)) {
      merge_into(*present, std::move(entry.value));
    } else {
      base.map().push_back(std::move(entry));
    }
  }
}

Json to_json(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::null: return nullptr;
    case Value::Kind::boolean: return value.as_bool();
    case Value::Kind::integer: return value.as_int();
    case Value::Kind::real: return value.as_real();
    case Value::Kind::string: return value.as_string();
    case Value::Kind::list: {
      Json out = Json::array();
      for (const Value& item : value.list()) out.push_back(to_json(item));
      return out;
    }
    case Value::Kind::map: break;
  }
  Json out = Json::object();
  for (const Entry& entry : value.map()) out[entry.key] = to_json(entry.value);
  return out;
}

Value from_json(const Json& json, const Place& place) {
  Value out;
  if (json.is_boolean()) out = Value(json.get<bool>());
  if (json.is_number_integer()) out = Value(json.get<int64_t>());
  if (json.is_number_float()) out = Value(json.get<double>());
  if (json.is_string()) {
    out = Value(json.get<std::string>());
    out.quoted = true;
  }
  if (json.is_array()) {
    out = Value(Value::List{});
    for (const Json& item : json) out.list().push_back(from_json(item, place));
  }
  if (json.is_object()) {
    out = Value::empty_map();
    for (const auto& [key, item] : json.items()) out.map().push_back({key, place, from_json(item, place)});
  }
  out.place = place;
  return out;
}

}  // namespace loongforge::config
