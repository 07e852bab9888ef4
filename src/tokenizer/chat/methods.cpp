// SPDX-License-Identifier: Apache-2.0
// Methods of lists, dictionaries and loops; those of strings are in string_methods.cpp.
#include <algorithm>
#include <array>

#include "tokenizer/chat/interpreter.h"
#include "tokenizer/chat/string_methods.h"

namespace loongforge::tokenizer::jinja {
namespace {

using Body = Function::Body;
using Table = std::span<const std::pair<std::string_view, Body>>;

const Dict& dict_of(const Value& value) { return value.object<Dict>(); }

Value dict_get(Interpreter&, const Value& self, Args& args) {
  Bound bound(args, "get", {"key", "default"}, 1);
  const Value* value = dict_of(self).find(bound[0]);
  return value != nullptr ? *value : (bound.has(1) ? bound[1] : Value::none());
}

Value dict_items(Interpreter& interpreter, const Value& self, Args& args) {
  Bound bound(args, "items", {}, 0);
  std::vector<Value> pairs;
  for (const auto& [key, value] : dict_of(self).entries) pairs.push_back(interpreter.heap().tuple({key, value}));
  return interpreter.heap().view("dict_items", std::move(pairs));
}

Value dict_keys(Interpreter& interpreter, const Value& self, Args& args) {
  Bound bound(args, "keys", {}, 0);
  return interpreter.heap().view("dict_keys", interpreter.iterate(self));
}

Value dict_values(Interpreter& interpreter, const Value& self, Args& args) {
  Bound bound(args, "values", {}, 0);
  std::vector<Value> values;
  for (const auto& entry : dict_of(self).entries) values.push_back(entry.second);
  return interpreter.heap().view("dict_values", std::move(values));
}

Value copy_of(Interpreter& interpreter, const Value& self, Args& args) {
  Bound bound(args, "copy", {}, 0);
  if (self.is(Kind::dict)) return interpreter.heap().dict(std::make_shared<Dict>(dict_of(self)));
  return interpreter.heap().list(self.items());
}

Value dict_fromkeys(Interpreter& interpreter, const Value&, Args& args) {
  Bound bound(args, "fromkeys", {"iterable", "value"}, 1);
  auto dict = std::make_shared<Dict>();
  for (const Value& key : interpreter.iterate(bound[0])) dict->set(key, bound.has(1) ? bound[1] : Value::none());
  return interpreter.heap().dict(std::move(dict));
}

Value list_count(Interpreter& interpreter, const Value& self, Args& args) {
  Bound bound(args, "count", {"value"}, 1);
  interpreter.heap().step(self.items().size());
  return Value::integer(std::count_if(self.items().begin(), self.items().end(),
                                      [&](const Value& item) { return equal(item, bound[0]); }));
}

Value list_index(Interpreter& interpreter, const Value& self, Args& args) {
  Bound bound(args, "index", {"value", "start", "stop"}, 1);
  auto size = static_cast<int64_t>(self.items().size());
  auto place = [&](int64_t at) { return std::clamp<int64_t>(at < 0 ? at + size : at, 0, size); };
  int64_t stop = place(bound.integer(2, size));
  interpreter.heap().step(self.items().size());
  for (int64_t at = place(bound.integer(1, 0)); at < stop; ++at)
    if (equal(self.items()[static_cast<size_t>(at)], bound[0])) return Value::integer(at);
  fail("the value is not in the {}", type_name(self));
}

Value loop_cycle(Interpreter&, const Value& self, Args& args) {
  if (args.positional.empty()) fail("loop.cycle needs values");
  return args.positional[static_cast<size_t>(self.object<Loop>().index) % args.positional.size()];
}

Value loop_changed(Interpreter& interpreter, const Value& self, Args& args) {
  auto& loop = self.object<Loop>();
  Value now = interpreter.heap().tuple(args.positional);
  if (loop.changed && equal(*loop.changed, now)) return Value::boolean(false);
  loop.changed = std::move(now);
  return Value::boolean(true);
}

constexpr std::array<std::pair<std::string_view, Body>, 6> kDictMethods = {{{"get", dict_get},
                                                                            {"items", dict_items},
                                                                            {"keys", dict_keys},
                                                                            {"values", dict_values},
                                                                            {"copy", copy_of},
                                                                            {"fromkeys", dict_fromkeys}}};
constexpr std::array<std::pair<std::string_view, Body>, 3> kListMethods = {
    {{"count", list_count}, {"index", list_index}, {"copy", copy_of}}};
constexpr std::array<std::pair<std::string_view, Body>, 2> kLoopMethods = {
    {{"cycle", loop_cycle}, {"changed", loop_changed}}};

Table methods_of(const Value& self) {
  switch (self.kind()) {
    case Kind::string: return string_methods();
    case Kind::dict: return kDictMethods;
    case Kind::list: return kListMethods;
    case Kind::tuple:
    case Kind::range: return Table(kListMethods).first(2);
    case Kind::loop: return kLoopMethods;
    case Kind::function:  // the global `dict` has one as well
      return self.object<Function>().name == "dict" ? Table(kDictMethods).last(1) : Table();
    default: return {};
  }
}

}  // namespace

Body find_method(const Value& self, std::string_view name, std::string_view& stored_name) {
  for (const auto& [known, body] : methods_of(self)) {
    if (known == name) {
      stored_name = known;
      return body;
    }
  }
  return nullptr;
}

bool is_mutating(const Value& self, std::string_view name) {
  static constexpr std::array<std::string_view, 5> kOfDicts = {"clear", "pop", "popitem", "setdefault", "update"};
  static constexpr std::array<std::string_view, 8> kOfLists = {"append", "clear",  "pop",    "reverse",
                                                               "insert", "sort",   "extend", "remove"};
  if (self.is(Kind::dict)) return std::find(kOfDicts.begin(), kOfDicts.end(), name) != kOfDicts.end();
  return self.is(Kind::list) && std::find(kOfLists.begin(), kOfLists.end(), name) != kOfLists.end();
}

}  // namespace loongforge::tokenizer::jinja
