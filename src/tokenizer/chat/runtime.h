// SPDX-License-Identifier: Apache-2.0
// What code in a template can hold and call: scopes, macros, functions, namespaces, loops; and the interpreter's side
// that filters, tests and methods use.
#pragma once
#include <ctime>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/chat/ast.h"
#include "tokenizer/chat/heap.h"

namespace loongforge::tokenizer::jinja {

class Interpreter;

/// `Items::name` of the pairs that groupby gives: they have the attributes `grouper` and `list`.
inline constexpr std::string_view kGroupName = "group";

/// The values given to a call.
struct Args {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

/// Variables of a block; looked up outwards.
struct Scope : Object {
  std::shared_ptr<Scope> parent;
  std::vector<std::pair<int, Value>> variables;

  const Value* find(int id) const;
  void set(int id, Value value);
};

struct Macro : Object {
  const MacroCode* code = nullptr;
  std::shared_ptr<Scope> scope;  // where it was defined
  std::string repr() const;
};

/// A global function or a method with the value it belongs to.
struct Function : Object {
  using Body = Value (*)(Interpreter&, const Value& self, Args& args);
  std::string_view name;
  Value self;
  Body body = nullptr;
};

struct Namespace : Object {
  std::vector<std::pair<std::string, Value>> attributes;
  const Value* find(std::string_view name) const;
  /// RenderError for names that begin with an underscore.
  void set(std::string_view name, Value value);
};

/// A running `for`: hands out the elements, at most one ahead of the body.
struct Loop : Object {
  const Stmt* stmt = nullptr;
  std::shared_ptr<Scope> scope;  // around the loop
  int nesting = 0;               // of recursive calls
  int64_t index = -1;
  Value previous, current;
  std::optional<Value> after;
  std::optional<Value> changed;
  std::vector<Value> items;  // before the loop's own filter
  size_t position = 0;
  int64_t length = -1;    // -1: not known yet, because of the filter
  bool filtered = false;  // `items` are those that the filter let through
};

/// Names the parameters of a function and finds the arguments for them, as Python does.
class Bound {
 public:
  /// RenderError when there are too many, unknown, doubled or missing arguments (the first `required` must be there).
  Bound(const Args& args, std::string_view function, std::initializer_list<std::string_view> names, size_t required);
  bool has(size_t index) const { return values_[index].has_value(); }
  const Value& operator[](size_t index) const { return *values_[index]; }
  int64_t integer(size_t index, int64_t otherwise) const;
  bool flag(size_t index, bool otherwise) const;
  /// The text of a string argument; `otherwise` when it is missing or None.
  std::string_view text(size_t index, std::string_view otherwise) const;
  bool is_given(size_t index) const { return has(index) && !values_[index]->is(Kind::none); }

 private:
  std::string_view function_;
  std::vector<std::optional<Value>> values_;
};

/// A value's method, or null. Those that would change a list or a dictionary are refused by name elsewhere.
Function::Body find_method(const Value& self, std::string_view name, std::string_view& stored_name);
bool is_mutating(const Value& self, std::string_view name);

using Filter = Value (*)(Interpreter&, const Value& value, const Args& args);
using Test = bool (*)(Interpreter&, const Value& value, const Args& args);
/// Null when there is none of that name.
Filter find_filter(std::string_view name);
Test find_test(std::string_view name);

/// range, dict, namespace, raise_exception, …
std::span<const std::pair<std::string_view, Function::Body>> global_functions();

Value binary_operation(Heap& heap, Op op, const Value& a, const Value& b);
bool compare_operation(Op op, const Value& a, const Value& b);
/// "…%s…" % values.
std::string format_percent(Heap& heap, std::string_view pattern, const Value& values);
/// "{}".format(…)
std::string format_braces(Interpreter& interpreter, std::string_view pattern, const Args& args);

}  // namespace loongforge::tokenizer::jinja
