// SPDX-License-Identifier: Apache-2.0
#include "loongforge/config/codec.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "loongforge/core/text.h"

namespace loongforge::config {
namespace {

std::string range_text(const Rule& rule) {
  if (rule.min && rule.max) return fmt::format(" in {}{}, {}]", rule.above_min ? "(" : "[", *rule.min, *rule.max);
  if (rule.min) return fmt::format(" {} {}", rule.above_min ? ">" : "≥", *rule.min);
  return rule.max ? fmt::format(" ≤ {}", *rule.max) : "";
}

bool in_range(double value, const Rule& rule) {
  if (std::isnan(value)) return false;
  if (rule.min && (rule.above_min ? value <= *rule.min : value < *rule.min)) return false;
  return !rule.max || value <= *rule.max;
}

std::string shown(const Value& value) {
  if (value.is_map() || value.is(Value::Kind::list) || value.is_null()) return std::string(value.kind_name());
  return fmt::format("{} {}", value.kind_name(), to_json(value).dump());
}

Json number_schema(const char* type, const Rule& rule) {
  const auto bound = [](double value) {
    return value == std::floor(value) ? Json(static_cast<int64_t>(value)) : Json(value);
  };
  Json schema = {{"type", type}};
  if (rule.min) schema[rule.above_min ? "exclusiveMinimum" : "minimum"] = bound(*rule.min);
  if (rule.max) schema["maximum"] = bound(*rule.max);
  return schema;
}

bool is_number(const Value& value) { return value.is(Value::Kind::integer) || value.is(Value::Kind::real); }

}  // namespace

std::string wrong_type(const std::string& type, const Value& found) {
  if (found.is_missing()) return fmt::format("must be set ({}): it is `???`", type);
  return fmt::format("must be {}, not {}", type, shown(found));
}

std::optional<size_t> index_of_name(const Value& value, const std::vector<std::string>& names, std::string& problem) {
  // Names such as `1f1b` or `none` stay text; a number spelled like a name counts as it.
  const std::string& text = value.is(Value::Kind::string) ? value.as_string() : value.spelling;
  auto found = std::find(names.begin(), names.end(), text);
  if (found != names.end()) return static_cast<size_t>(found - names.begin());
  if (!value.is(Value::Kind::string) || value.is_missing()) {
    problem = wrong_type("one of " + join_names(names), value);
  } else {
    auto near = nearest(text, names);
    problem = fmt::format("can't be `{}`{}; valid: {}", text, near ? fmt::format(" (did you mean {}?)", *near) : "",
                          join_names(names));
  }
  return std::nullopt;
}

Json schema_of_names(const std::vector<std::string>& names) { return {{"enum", names}}; }

Json schema_or_auto(Json schema) {
  return {{"anyOf", Json::array({{{"enum", {"auto", nullptr}}}, std::move(schema)})}};
}

Json schema_of_array(Json item, size_t size) {
  return {{"type", "array"}, {"items", std::move(item)}, {"minItems", size}, {"maxItems", size}};
}

std::string Codec<bool>::type(const Rule&) { return "true or false"; }
std::optional<bool> Codec<bool>::read(const Value& value, const Rule& rule, std::string& problem) {
  if (value.is(Value::Kind::boolean)) return value.as_bool();
  problem = wrong_type(type(rule), value);
  return std::nullopt;
}
Value Codec<bool>::write(const bool& value) { return Value(value); }
Json Codec<bool>::schema(const Rule&) { return {{"type", "boolean"}}; }

std::string Codec<int64_t>::type(const Rule& rule) { return "an integer" + range_text(rule); }
std::optional<int64_t> Codec<int64_t>::read(const Value& value, const Rule& rule, std::string& problem) {
  bool whole = value.is(Value::Kind::real) && std::abs(value.as_real()) < 9e15 &&
               value.as_real() == std::floor(value.as_real());  // 1e6 is written for counts
  if ((value.is(Value::Kind::integer) || whole) && in_range(value.as_real(), rule)) {
    return whole ? static_cast<int64_t>(value.as_real()) : value.as_int();
  }
  problem = wrong_type(type(rule), value);
  return std::nullopt;
}
Value Codec<int64_t>::write(const int64_t& value) { return Value(value); }
Json Codec<int64_t>::schema(const Rule& rule) { return number_schema("integer", rule); }

std::string Codec<double>::type(const Rule& rule) { return "a number" + range_text(rule); }
std::optional<double> Codec<double>::read(const Value& value, const Rule& rule, std::string& problem) {
  if (is_number(value) && std::isfinite(value.as_real()) && in_range(value.as_real(), rule)) return value.as_real();
  problem = wrong_type(type(rule), value);
  return std::nullopt;
}
Value Codec<double>::write(const double& value) { return Value(value); }
Json Codec<double>::schema(const Rule& rule) { return number_schema("number", rule); }

std::string Codec<std::string>::type(const Rule& rule) {
  return rule.allowed.empty() ? "text" : fmt::format("{}", fmt::join(rule.allowed, " | "));
}
std::optional<std::string> Codec<std::string>::read(const Value& value, const Rule& rule, std::string& problem) {
  if (!rule.allowed.empty()) {
    auto index = index_of_name(value, rule.allowed, problem);
    return index ? std::optional(rule.allowed[*index]) : std::nullopt;
  }
  if (value.is(Value::Kind::string) && !value.is_missing()) return value.as_string();
  if (is_number(value) && !value.spelling.empty()) return value.spelling;  // a run named 2024
  problem = wrong_type(type(rule), value);
  if (value.is(Value::Kind::boolean)) problem += "; put it in quotes";
  return std::nullopt;
}
Value Codec<std::string>::write(const std::string& value) {
  Value out(value);
  out.quoted = true;
  return out;
}
Json Codec<std::string>::schema(const Rule& rule) {
  if (!rule.allowed.empty()) return schema_of_names(rule.allowed);
  return {{"type", {"string", "number"}}};
}

std::string Codec<ByteSize>::type(const Rule&) { return "a size in bytes such as 25MiB or 5GB"; }
std::optional<ByteSize> Codec<ByteSize>::read(const Value& value, const Rule& rule, std::string& problem) {
  struct Unit {
    std::string_view name;
    double bytes;
  };
  constexpr std::array kUnits = {Unit{"", 1},         Unit{"B", 1},       Unit{"KB", 1e3},     Unit{"MB", 1e6},
                                 Unit{"GB", 1e9},     Unit{"TB", 1e12},   Unit{"KiB", 1024.0}, Unit{"MiB", 0x1p20},
                                 Unit{"GiB", 0x1p30}, Unit{"TiB", 0x1p40}};
  std::string_view text = value.is(Value::Kind::string) ? std::string_view(value.as_string()) : "";
  double number = is_number(value) ? value.as_real() : 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string_view unit = trim(text.substr(static_cast<size_t>(end - text.data())));
  bool good = is_number(value) || (!text.empty() && error == std::errc{});
  for (const Unit& known : kUnits) {
    double bytes = number * known.bytes;
    if (good && unit == known.name && bytes >= 1 && bytes < 0x1p63) return ByteSize{static_cast<uint64_t>(bytes)};
  }
  problem = wrong_type(type(rule), value);
  return std::nullopt;
}
Value Codec<ByteSize>::write(const ByteSize& value) { return Value(static_cast<int64_t>(value.bytes)); }
Json Codec<ByteSize>::schema(const Rule&) {
  return {{"type", {"integer", "string"}}, {"minimum", 1}, {"pattern", "^[0-9.eE+]+ *([KMGT]i?B|B)?$"}};
}

std::string Codec<Dtype>::type(const Rule& rule) { return Codec<std::string>::type(rule); }
std::optional<Dtype> Codec<Dtype>::read(const Value& value, const Rule& rule, std::string& problem) {
  if (value.is(Value::Kind::string)) {
    auto dtype = dtype_from_name(value.as_string());
    for (const std::string& name : rule.allowed) {
      if (dtype && dtype == dtype_from_name(name)) return dtype;
    }
  }
  index_of_name(value, rule.allowed, problem);
  return std::nullopt;
}
Value Codec<Dtype>::write(const Dtype& value) { return Value(dtype_name(value)); }
Json Codec<Dtype>::schema(const Rule& rule) {
  std::vector<std::string> names = rule.allowed;
  for (const char* shorter : {"fp32", "bf16", "fp16", "fp64", "float", "half", "double"}) {
    const auto same = [&](const std::string& name) { return dtype_from_name(name) == dtype_from_name(shorter); };
    if (std::any_of(rule.allowed.begin(), rule.allowed.end(), same)) names.emplace_back(shorter);
  }
  return schema_of_names(names);
}

std::string Codec<Value>::type(const Rule&) { return "a map of any keys"; }
std::optional<Value> Codec<Value>::read(const Value& value, const Rule& rule, std::string& problem) {
  if (value.is_map()) return value;
  if (value.is_null()) return Value::empty_map();
  problem = wrong_type(type(rule), value);
  return std::nullopt;
}
Value Codec<Value>::write(const Value& value) { return value; }
Json Codec<Value>::schema(const Rule&) { return {{"type", {"object", "null"}}}; }

std::string Codec<std::vector<std::string>>::type(const Rule&) { return "a list of texts"; }
std::optional<std::vector<std::string>> Codec<std::vector<std::string>>::read(const Value& value, const Rule& rule,
                                                                               std::string& problem) {
  std::vector<std::string> out;
  if (value.is_null()) return out;
  for (const Value& item : value.is(Value::Kind::list) ? value.list() : Value::List{value}) {
    auto text = Codec<std::string>::read(item, {}, problem);
    if (!text) {
      problem = wrong_type(type(rule), value.is(Value::Kind::list) ? item : value);
      return std::nullopt;
    }
    out.push_back(std::move(*text));
  }
  return out;
}
Value Codec<std::vector<std::string>>::write(const std::vector<std::string>& value) {
  Value out{Value::List{}};
  for (const std::string& item : value) out.list().push_back(Codec<std::string>::write(item));
  return out;
}
Json Codec<std::vector<std::string>>::schema(const Rule&) {
  return {{"type", {"array", "string", "number", "null"}}, {"items", {{"type", {"string", "number"}}}}};
}

std::string Codec<std::vector<double>>::type(const Rule& rule) { return "a list of numbers" + range_text(rule); }
std::optional<std::vector<double>> Codec<std::vector<double>>::read(const Value& value, const Rule& rule,
                                                                     std::string& problem) {
  std::vector<double> out;
  if (value.is_null()) return out;
  for (const Value& item : value.is(Value::Kind::list) ? value.list() : Value::List{value}) {
    auto number = Codec<double>::read(item, rule, problem);
    if (!number) return std::nullopt;
    out.push_back(*number);
  }
  return out;
}
Value Codec<std::vector<double>>::write(const std::vector<double>& value) {
  Value out{Value::List{}};
  for (double item : value) out.list().push_back(Codec<double>::write(item));
  return out;
}
Json Codec<std::vector<double>>::schema(const Rule& rule) {
  const Json number = number_schema("number", rule);
  return {{"anyOf", Json::array({{{"type", "array"}, {"items", number}}, number, {{"type", "null"}}})}};
}

}  // namespace loongforge::config
