// SPDX-License-Identifier: Apache-2.0
// How the C++ type of a field is read from a Value, written as one, and named in messages.
#pragma once
#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "loongforge/config/run_config.h"
#include "loongforge/config/value.h"

namespace loongforge::config {

/// Limits on the value of a field.
struct Rule {
  std::optional<double> min, max;
  bool above_min = false;             ///< the minimum itself is not allowed
  std::vector<std::string> allowed;   ///< of strings; empty: any
  bool required = false;              ///< there is no usable default
  std::vector<std::string> old_names; ///< still read, with a warning
};

/// The spelling of each value of an enum, in the enum's order; specialised next to the schema.
template <class E>
struct EnumNames;

/// type(rule): for people. read(): nullopt with a problem that continues "<path> …". write(): the value as configured.
/// schema(rule): what read() takes, as JSON Schema.
template <class M, class = void>
struct Codec;

#define LF_DECLARE_CODEC(Type)                                                                \
  template <>                                                                                 \
  struct Codec<Type> {                                                                        \
    static std::string type(const Rule& rule);                                                \
    static std::optional<Type> read(const Value& value, const Rule& rule, std::string& problem); \
    static Value write(const Type& value);                                                    \
    static Json schema(const Rule& rule);                                                     \
  }
LF_DECLARE_CODEC(bool);
LF_DECLARE_CODEC(int64_t);
LF_DECLARE_CODEC(double);
LF_DECLARE_CODEC(std::string);
LF_DECLARE_CODEC(ByteSize);
LF_DECLARE_CODEC(Dtype);
LF_DECLARE_CODEC(Value);                     // a free-form map
LF_DECLARE_CODEC(std::vector<std::string>);  // one string is a list of one
LF_DECLARE_CODEC(std::vector<double>);       // each within the rule
#undef LF_DECLARE_CODEC

/// "must be <type>, not <what was found>".
std::string wrong_type(const std::string& type, const Value& found);
/// {"enum": names}
Json schema_of_names(const std::vector<std::string>& names);
/// `auto`, null, or what `schema` takes.
Json schema_or_auto(Json schema);
Json schema_of_array(Json item, size_t size);
std::optional<size_t> index_of_name(const Value& value, const std::vector<std::string>& names, std::string& problem);

template <class E>
struct Codec<E, std::enable_if_t<std::is_enum_v<E> && !std::is_same_v<E, Dtype>>> {
  static std::vector<std::string> names() { return {EnumNames<E>::names.begin(), EnumNames<E>::names.end()}; }
  static std::string type(const Rule&) {
    std::string text;
    for (std::string_view name : EnumNames<E>::names) text += (text.empty() ? "" : " | ") + std::string(name);
    return text;
  }
  static std::optional<E> read(const Value& value, const Rule&, std::string& problem) {
    auto index = index_of_name(value, names(), problem);
    return index ? std::optional(static_cast<E>(*index)) : std::nullopt;
  }
  static Value write(E value) { return Value(EnumNames<E>::names[static_cast<size_t>(value)]); }
  static Json schema(const Rule&) { return schema_of_names(names()); }
};

/// null or `auto`: nullopt.
template <class M>
struct Codec<std::optional<M>> {
  static std::string type(const Rule& rule) { return "auto or " + Codec<M>::type(rule); }
  static std::optional<std::optional<M>> read(const Value& value, const Rule& rule, std::string& problem) {
    bool is_auto = value.is(Value::Kind::string) && value.as_string() == "auto";
    if (value.is_null() || is_auto) return std::optional<M>();
    auto read = Codec<M>::read(value, rule, problem);
    return read ? std::optional<std::optional<M>>(std::move(read)) : std::nullopt;
  }
  static Value write(const std::optional<M>& value) { return value ? Codec<M>::write(*value) : Value("auto"); }
  static Json schema(const Rule& rule) { return schema_or_auto(Codec<M>::schema(rule)); }
};

template <class M, size_t kSize>
struct Codec<std::array<M, kSize>> {
  static std::string type(const Rule& rule) {
    return "list of " + std::to_string(kSize) + " × " + Codec<M>::type(rule);
  }
  static std::optional<std::array<M, kSize>> read(const Value& value, const Rule& rule, std::string& problem) {
    std::array<M, kSize> out;
    if (!value.is(Value::Kind::list) || value.list().size() != kSize) {
      problem = wrong_type(type(rule), value);
      return std::nullopt;
    }
    for (size_t i = 0; i < kSize; ++i) {
      auto item = Codec<M>::read(value.list()[i], rule, problem);
      if (!item) return std::nullopt;
      out[i] = std::move(*item);
    }
    return out;
  }
  static Value write(const std::array<M, kSize>& value) {
    Value out{Value::List{}};
    for (const M& item : value) out.list().push_back(Codec<M>::write(item));
    return out;
  }
  static Json schema(const Rule& rule) { return schema_of_array(Codec<M>::schema(rule), kSize); }
};

}  // namespace loongforge::config
