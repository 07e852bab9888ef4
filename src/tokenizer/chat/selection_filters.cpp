// SPDX-License-Identifier: Apache-2.0
// map, select, reject, selectattr, rejectattr, unique, groupby, attr.
#include <algorithm>
#include <charconv>

#include "tokenizer/chat/filters.h"
#include "tokenizer/chat/interpreter.h"
#include "tokenizer/chat/paths.h"
#include "tokenizer/chat/text.h"

namespace loongforge::tokenizer::jinja {
namespace {

Value map(Interpreter& interpreter, const Value& value, const Args& args) {
  if (!truthy(value)) return interpreter.heap().iterator({});
  std::vector<Value> results;
  if (args.positional.empty()) {
    Bound bound(args, "map", {"attribute", "default"}, 0);
    if (!bound.has(0)) fail("map needs the name of a filter or an attribute");
    Path path(interpreter, bound[0], bound.is_given(1) ? std::optional(bound[1]) : std::nullopt);
    for (const Value& item : interpreter.iterate(value)) results.push_back(path.get(item));
    return interpreter.heap().iterator(std::move(results));
  }
  if (!args.positional[0].is_text()) fail("map needs the name of a filter");
  std::string name = args.positional[0].text();
  Args rest{{args.positional.begin() + 1, args.positional.end()}, args.named};
  for (const Value& item : interpreter.iterate(value)) results.push_back(interpreter.filter(name, item, rest));
  return interpreter.heap().iterator(std::move(results));
}

template <bool kKeep, bool kAttribute>
Value select(Interpreter& interpreter, const Value& value, const Args& args) {
  if (!truthy(value)) return interpreter.heap().iterator({});
  constexpr size_t kTest = kAttribute ? 1 : 0;
  if (args.positional.size() < kTest) fail("selectattr and rejectattr need the name of an attribute");
  Path path(interpreter, kAttribute ? args.positional[0] : Value::none());
  bool has_test = args.positional.size() > kTest;
  Args rest;
  std::string test;
  if (has_test) {
    if (!args.positional[kTest].is_text()) fail("select and reject need the name of a test");
    test = args.positional[kTest].text();
    rest = {{args.positional.begin() + kTest + 1, args.positional.end()}, args.named};
  }
  std::vector<Value> kept;
  for (const Value& item : interpreter.iterate(value)) {
    Value subject = path.get(item);
    bool passes = has_test ? interpreter.test(test, subject, rest) : truthy(subject);
    if (passes == kKeep) kept.push_back(item);
  }
  return interpreter.heap().iterator(std::move(kept));
}

Value unique(Interpreter& interpreter, const Value& value, const Args& args) {
  Bound bound(args, "unique", {"case_sensitive", "attribute"}, 0);
  Path path(interpreter, bound.has(1) ? bound[1] : Value::none());
  Dict seen;
  std::vector<Value> kept;
  for (const Value& item : interpreter.iterate(value)) {
    Value key = fold_case(interpreter, path.get(item), !bound.flag(0, false));
    if (seen.find(key) != nullptr) continue;
    seen.set(key, Value::none());
    kept.push_back(item);
  }
  return interpreter.heap().iterator(std::move(kept));
}

Value group_by(Interpreter& interpreter, const Value& value, const Args& args) {
  Bound bound(args, "groupby", {"attribute", "default", "case_sensitive"}, 1);
  Heap& heap = interpreter.heap();
  Path path(interpreter, bound[0], bound.is_given(1) ? std::optional(bound[1]) : std::nullopt);
  bool fold = !bound.flag(2, false);
  std::vector<std::pair<Value, Value>> keyed;
  for (const Value& item : interpreter.iterate(value))
    keyed.emplace_back(fold_case(interpreter, path.get(item), fold), item);
  heap.step(keyed.size() * 16);
  std::stable_sort(keyed.begin(), keyed.end(),
                   [](const auto& a, const auto& b) { return compare(a.first, b.first) < 0; });
  std::vector<Value> groups;
  for (size_t begin = 0; begin < keyed.size();) {
    std::vector<Value> members;
    size_t end = begin;
    while (end < keyed.size() && equal(keyed[end].first, keyed[begin].first)) members.push_back(keyed[end++].second);
    groups.push_back(heap.tuple({path.get(keyed[begin].second), heap.list(std::move(members))}));
    groups.back().object<Items>().name = kGroupName;
    begin = end;
  }
  return heap.list(std::move(groups));
}

Value attr(Interpreter& interpreter, const Value& value, const Args& args) {
  Bound bound(args, "attr", {"name"}, 1);
  // Only real attributes, never the keys of a mapping.
  if (value.is(Kind::dict) && interpreter.attribute(value, bound.text(0, "")).kind() != Kind::function)
    return interpreter.undefined(fmt::format("'dict object' has no attribute '{}'", bound.text(0, "")));
  return interpreter.attribute(value, bound.text(0, ""));
}

}  // namespace

Path::Path(Interpreter& interpreter, const Value& attribute, std::optional<Value> otherwise)
    : interpreter_(interpreter), otherwise_(std::move(otherwise)) {
  if (attribute.is_text()) {
    for (std::string_view part : split_at(attribute.text(), ".", -1)) {
      int64_t number = 0;
      auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), number);
      bool is_number = !part.empty() && part[0] != '-' && error == std::errc() && end == part.data() + part.size();
      keys_.push_back(is_number ? Value::integer(number) : interpreter.heap().text(std::string(part)));
    }
  } else if (!attribute.is(Kind::none)) {
    keys_.push_back(attribute);
  }
}

Value Path::get(Value element) const {
  for (const Value& key : keys_) {
    element = interpreter_.item(element, key);
    if (otherwise_ && element.is_undefined()) element = *otherwise_;
  }
  return element;
}

Value fold_case(Interpreter& interpreter, const Value& value, bool fold) {
  return fold && value.is_text() ? interpreter.heap().text(lower(value.text())) : value;
}

FilterTable selection_filters() {
  static constexpr std::pair<std::string_view, Filter> kFilters[] = {
      {"map", map},
      {"select", select<true, false>},
      {"reject", select<false, false>},
      {"selectattr", select<true, true>},
      {"rejectattr", select<false, true>},
      {"unique", unique},
      {"groupby", group_by},
      {"attr", attr},
  };
  return kFilters;
}

}  // namespace loongforge::tokenizer::jinja
