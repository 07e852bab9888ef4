// SPDX-License-Identifier: Apache-2.0
// Value: a configuration tree in which every node remembers where it was written.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "loongforge/core/json.h"

namespace loongforge::config {

/// Where a value was written: a file with line and column, or a line-less origin such as "command line `a=1`".
struct Place {
  std::shared_ptr<const std::string> origin;
  int line = 0;  ///< from 1; 0: the origin has no lines
  int column = 0;
  std::string text() const;  ///< "configs/a.yaml:3:5", or the origin; "defaults" when there is none
};

struct Entry;

/// null, bool, integer, real, string, list or map (keys in order of writing).
class Value {
 public:
  enum class Kind { null, boolean, integer, real, string, list, map };
  using List = std::vector<Value>;
  using Map = std::vector<Entry>;

  Value();
  Value(bool value);
  Value(int64_t value);
  Value(int value);
  Value(double value);
  Value(std::string value);
  Value(std::string_view value);
  Value(const char* value);
  Value(List value);
  Value(Map value);
  static Value empty_map();

  Kind kind() const { return static_cast<Kind>(data_.index()); }
  /// "an integer", "a list"…, for messages.
  std::string_view kind_name() const;
  bool is(Kind kind) const { return this->kind() == kind; }
  bool is_map() const { return is(Kind::map); }
  bool is_null() const { return is(Kind::null); }
  /// Plain `???`: must be set by someone.
  bool is_missing() const;

  // Each throws std::logic_error when the value is of another kind.
  bool as_bool() const;
  int64_t as_int() const;
  double as_real() const;  ///< integers too
  const std::string& as_string() const;
  const List& list() const;
  List& list();
  const Map& map() const;
  Map& map();

  /// The value of `key` in a map; nullptr when absent or when this is no map.
  const Value* find(std::string_view key) const;
  Value* find(std::string_view key);
  /// The value at a dotted path ("model.config.hidden_size", "data.train[0]"); nullptr when there is none.
  const Value* at_path(std::string_view path) const;
  /// Sets or adds `key` of a map, keeping the position of a present one.
  Value& set(std::string_view key, Value value);
  bool erase(std::string_view key);
  std::vector<std::string> keys() const;

  Place place;
  /// How a scalar was written ("1e-4", "0x10"), kept for messages, for strings and for writing back; may be empty.
  std::string spelling;
  bool quoted = false;  ///< a scalar in quotes (so a string whatever it looks like)
  /// Before interpolation, when the text names the environment: what is saved in place of the value.
  std::string unexpanded;

 private:
  std::variant<std::monostate, bool, int64_t, double, std::string, List, Map> data_;
};

struct Entry {
  std::string key;
  Place place;
  Value value;
};

/// Reads one YAML (1.2 core schema: only true/false are booleans; `1e-4` is a real; quoted is a string) or JSON
/// document. Throws ConfigError "<origin>:line:col: …" on malformed text, duplicate keys, unknown aliases.
Value parse_yaml(std::string_view text, std::string_view origin);
Value read_yaml(const std::string& path);
/// One scalar or flow value as written after `key=` on a command line; `place` is given to every node.
Value parse_yaml_value(std::string_view text, const Place& place);

/// Maps merge key by key, everything else (lists, null too) replaces.
void merge_into(Value& base, Value over);

/// JSON of the value, without places. Missing values become the string "???".
Json to_json(const Value& value);
Value from_json(const Json& json, const Place& place = {});

}  // namespace loongforge::config
