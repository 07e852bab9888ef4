// SPDX-License-Identifier: Apache-2.0
// The values of a template: Python's, as far as templates meet them. Immutable but for namespaces and iterators, so
// that there are no cycles through lists and dictionaries.
#pragma once
#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "loongforge/core/json.h"

namespace loongforge::tokenizer::jinja {

/// A rendering that fails as Python's would: wrong types, an undefined value used, `raise_exception`.
struct RenderError : std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// A rendering past its bounds.
struct LimitError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <class... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  throw RenderError(fmt::format(format, std::forward<Args>(args)...));
}

enum class Kind : uint8_t {
  undefined, none, boolean, integer, real, string, list, tuple, range, view, dict, iterator, name_space, macro,
  function, loop
};

/// Base of what lives on the heap. `depth` counts the containers within each other, to bound all recursions.
struct Object {
  virtual ~Object() = default;
  int depth = 0;
};

class Value {
 public:
  Value() = default;
  static Value none() { return Value(Kind::none, 0); }
  static Value boolean(bool value) { return Value(Kind::boolean, value); }
  static Value integer(int64_t value) { return Value(Kind::integer, value); }
  static Value real(double value) {
    Value result(Kind::real, 0);
    result.real_ = value;
    return result;
  }
  Value(Kind kind, std::shared_ptr<Object> object, bool markup = false)
      : object_(std::move(object)), kind_(kind), markup_(markup) {}

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  bool is_undefined() const { return kind_ == Kind::undefined; }
  bool is_text() const { return kind_ == Kind::string; }
  /// Booleans are integers, as in Python.
  bool is_integral() const { return kind_ == Kind::integer || kind_ == Kind::boolean; }
  bool is_number() const { return is_integral() || kind_ == Kind::real; }
  /// Has elements by number: list, tuple or range.
  bool is_sequence() const { return kind_ == Kind::list || kind_ == Kind::tuple || kind_ == Kind::range; }
  /// A string made by `safe` or `escape`: what is added to it is escaped.
  bool markup() const { return markup_; }

  int64_t as_integer() const { return integer_; }
  double as_real() const { return kind_ == Kind::real ? real_ : static_cast<double>(integer_); }
  const std::string& text() const;
  const std::vector<Value>& items() const;
  template <class T>
  T& object() const { return static_cast<T&>(*object_); }
  const std::shared_ptr<Object>& shared() const { return object_; }
  int depth() const { return object_ ? object_->depth : 0; }

 private:
  Value(Kind kind, int64_t value) : kind_(kind), integer_(value) {}

  std::shared_ptr<Object> object_;
  Kind kind_ = Kind::undefined;
  bool markup_ = false;
  union {
    int64_t integer_ = 0;
    double real_;
  };
};

struct Text : Object {
  std::string text;
};
/// Elements of a list, tuple, range, or of a dictionary's view (`name` is then "dict_items" and the like).
struct Items : Object {
  std::vector<Value> items;
  std::string_view name;
};
/// What can be gone through once.
struct Iterator : Object {
  std::vector<Value> items;
  size_t position = 0;
};

/// Keys in the order of their insertion; 1, 1.0 and True are the same key.
struct Dict : Object {
  std::vector<std::pair<Value, Value>> entries;
  /// RenderError when the key is a list or a dictionary.
  const Value* find(const Value& key) const;
  const Value* find(std::string_view key) const;
  /// Sets an entry while the dictionary is being built.
  void set(const Value& key, Value value);

 private:
  int64_t position(const Value& key) const;
  std::unordered_multimap<size_t, uint32_t> index_;  // from 16 entries on
};

/// "str", "list", "dict_items": Python's name of the type.
std::string_view type_name(const Value& value);
bool truthy(const Value& value);
/// Python's ==.
bool equal(const Value& a, const Value& b);
/// Negative, zero, positive; RenderError for types without an order.
int compare(const Value& a, const Value& b);
/// Python's `in`.
bool contains(const Value& container, const Value& item);
size_t hash(const Value& value);

}  // namespace loongforge::tokenizer::jinja
