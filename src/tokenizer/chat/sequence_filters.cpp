// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "tokenizer/chat/filters.h"
#include "tokenizer/chat/interpreter.h"
#include "tokenizer/chat/paths.h"
#include "tokenizer/chat/print.h"
#include "tokenizer/chat/text.h"

namespace loongforge::tokenizer::jinja {
namespace {

Value length(Interpreter&, const Value& value, const Args&) {
  if (value.is_undefined()) return Value::integer(0);
  if (value.is_text()) return Value::integer(static_cast<int64_t>(count_chars(value.text())));
  if (value.is_sequence() || value.is(Kind::view)) return Value::integer(static_cast<int64_t>(value.items().size()));
  if (value.is(Kind::dict)) return Value::integer(static_cast<int64_t>(value.object<Dict>().entries.size()));
  fail("a value of the type {} has no length", type_name(value));
}

Value default_value(Interpreter& interpreter, const Value& value, const Args& args) {
  Bound bound(args, "default", {"default_value", "boolean"}, 0);
  bool replaced = value.is_undefined() || (bound.flag(1, false) && !truthy(value));
  if (!replaced) return value;
  return bound.has(0) ? bound[0] : interpreter.heap().text("");
}

Value first(Interpreter& interpreter, const Value& value, const Args&) {
  if (value.is(Kind::iterator)) {
    auto& iterator = value.object<Iterator>();
    if (iterator.position < iterator.items.size()) return iterator.items[iterator.position++];
  } else if (auto items = interpreter.iterate(value); !items.empty()) {
    return items.front();
  }
  return interpreter.undefined("no first item, the sequence was empty");
}

Value last(Interpreter& interpreter, const Value& value, const Args&) {
  if (value.is(Kind::iterator)) fail("last needs a sequence, not {}", type_name(value));
  auto items = interpreter.iterate(value);
  return items.empty() ? interpreter.undefined("no last item, the sequence was empty") : items.back();
}

Value list(Interpreter& interpreter, const Value& value, const Args&) {
  return interpreter.heap().list(interpreter.iterate(value));
}

Value items(Interpreter& interpreter, const Value& value, const Args&) {
  if (value.is_undefined()) return interpreter.heap().iterator({});
  if (!value.is(Kind::dict)) fail("items needs a mapping, not {}", type_name(value));
  std::vector<Value> pairs;
  for (const auto& [key, element] : value.object<Dict>().entries)
    pairs.push_back(interpreter.heap().tuple({key, element}));
  return interpreter.heap().iterator(std::move(pairs));
}

Value join(Interpreter& interpreter, const Value& value, const Args& args) {
  Bound bound(args, "join", {"d", "attribute"}, 0);
  Heap& heap = interpreter.heap();
  std::string separator = bound.has(0) ? to_text(bound[0], heap) : "", text;
  Path path(interpreter, bound.is_given(1) ? bound[1] : Value::none());
  bool first_item = true;
  for (const Value& item : interpreter.iterate(value)) {
    heap.take(separator.size());
    if (!first_item) text += separator;
    text += to_text(path.get(item), heap);
    first_item = false;
  }
  return heap.text(std::move(text));
}

Value reverse(Interpreter& interpreter, const Value& value, const Args&) {
  if (value.is_text()) {
    auto chars = chars_of(value.text());
    std::string text;
    for (size_t i = chars.size(); i > 0; --i) text += chars[i - 1];
    return interpreter.heap().text(std::move(text), value.markup());
  }
  auto elements = interpreter.iterate(value);
  std::reverse(elements.begin(), elements.end());
  // What can be gone through only once becomes a list, all else an iterator.
  return value.is(Kind::iterator) ? interpreter.heap().list(std::move(elements))
                                  : interpreter.heap().iterator(std::move(elements));
}

using Keyed = std::vector<std::pair<Value, Value>>;

void sort_by_key(Interpreter& interpreter, Keyed& keyed, bool reverse) {
  size_t size = keyed.size();
  for (size_t n = size; n > 1; n /= 2) interpreter.heap().step(size);
  std::stable_sort(keyed.begin(), keyed.end(), [&](const auto& a, const auto& b) {
    return reverse ? compare(b.first, a.first) < 0 : compare(a.first, b.first) < 0;
  });
}

Value sorted_values(Interpreter& interpreter, const Keyed& keyed) {
  std::vector<Value> values;
  for (const auto& entry : keyed) values.push_back(entry.second);
  return interpreter.heap().list(std::move(values));
}

Value sort(Interpreter& interpreter, const Value& value, const Args& args) {
  Bound bound(args, "sort", {"reverse", "case_sensitive", "attribute"}, 0);
  bool fold = !bound.flag(1, false);
  std::vector<Path> paths;
  if (bound.is_given(2) && bound[2].is_text()) {
    for (std::string_view part : split_at(bound[2].text(), ",", -1))
      paths.emplace_back(interpreter, interpreter.heap().text(std::string(part)));
  } else {
    paths.emplace_back(interpreter, bound.is_given(2) ? bound[2] : Value::none());
  }
  Keyed keyed;
  for (const Value& item : interpreter.iterate(value)) {
    std::vector<Value> keys;
    for (const Path& path : paths) keys.push_back(fold_case(interpreter, path.get(item), fold));
    keyed.emplace_back(interpreter.heap().list(std::move(keys)), item);
  }
  sort_by_key(interpreter, keyed, bound.flag(0, false));
  return sorted_values(interpreter, keyed);
}

Value dictsort(Interpreter& interpreter, const Value& value, const Args& args) {
  Bound bound(args, "dictsort", {"case_sensitive", "by", "reverse"}, 0);
  if (!value.is(Kind::dict)) fail("dictsort needs a mapping, not {}", type_name(value));
  std::string_view by = bound.text(1, "key");
  if (by != "key" && by != "value") fail("dictsort sorts by 'key' or 'value', not '{}'", by);
  Keyed keyed;
  for (const auto& [key, element] : value.object<Dict>().entries)
    keyed.emplace_back(fold_case(interpreter, by == "key" ? key : element, !bound.flag(0, false)),
                       interpreter.heap().tuple({key, element}));
  sort_by_key(interpreter, keyed, bound.flag(2, false));
  return sorted_values(interpreter, keyed);
}

template <bool kLargest>
Value extreme(Interpreter& interpreter, const Value& value, const Args& args) {
  Bound bound(args, kLargest ? "max" : "min", {"case_sensitive", "attribute"}, 0);
  Path path(interpreter, bound.has(1) ? bound[1] : Value::none());
  auto elements = interpreter.iterate(value);
  if (elements.empty()) return interpreter.undefined("no item, the sequence was empty");
  bool fold = !bound.flag(0, false);
  size_t best = 0;
  Value best_key = fold_case(interpreter, path.get(elements[0]), fold);
  for (size_t i = 1; i < elements.size(); ++i) {
    Value key = fold_case(interpreter, path.get(elements[i]), fold);
    if (kLargest ? compare(key, best_key) > 0 : compare(key, best_key) < 0) {
      best = i;
      best_key = std::move(key);
    }
  }
  return elements[best];
}

Value sum(Interpreter& interpreter, const Value& value, const Args& args) {
  Bound bound(args, "sum", {"attribute", "start"}, 0);
  Path path(interpreter, bound.has(0) ? bound[0] : Value::none());
  Value total = bound.has(1) ? bound[1] : Value::integer(0);
  if (total.is_text()) fail("sum can't add strings; use join");
  for (const Value& item : interpreter.iterate(value))
    total = binary_operation(interpreter.heap(), Op::add, total, path.get(item));
  return total;
}

Value batch(Interpreter& interpreter, const Value& value, const Args& args) {
  Bound bound(args, "batch", {"linecount", "fill_with"}, 1);
  int64_t size = bound.integer(0, 1);
  std::vector<Value> batches, current;
  for (const Value& item : interpreter.iterate(value)) {
    if (static_cast<int64_t>(current.size()) == size)
      batches.push_back(interpreter.heap().list(std::exchange(current, {})));
    current.push_back(item);
  }
  if (!current.empty()) {
    if (size > interpreter.heap().limits().steps) fail("batches of {} items", size);
    while (bound.is_given(1) && static_cast<int64_t>(current.size()) < size) {
      interpreter.heap().step();
      current.push_back(bound[1]);
    }
    batches.push_back(interpreter.heap().list(std::move(current)));
  }
  return interpreter.heap().iterator(std::move(batches));
}

Value slice(Interpreter& interpreter, const Value& value, const Args& args) {
  Bound bound(args, "slice", {"slices", "fill_with"}, 1);
  auto elements = interpreter.iterate(value);
  int64_t count = bound.integer(0, 1);
  if (count == 0) fail("division by zero");
  std::vector<Value> slices;
  auto size = static_cast<int64_t>(elements.size());
  int64_t begin = 0;
  for (int64_t i = 0; i < count; ++i) {
    interpreter.heap().step();
    int64_t end = begin + size / count + (i < size % count ? 1 : 0);
    std::vector<Value> part(elements.begin() + begin, elements.begin() + end);
    if (bound.is_given(1) && i >= size % count) part.push_back(bound[1]);
    slices.push_back(interpreter.heap().list(std::move(part)));
    begin = end;
  }
  return interpreter.heap().iterator(std::move(slices));
}

}  // namespace

FilterTable sequence_filters() {
  static constexpr std::pair<std::string_view, Filter> kFilters[] = {
      {"length", length}, {"count", length},     {"default", default_value}, {"d", default_value},
      {"first", first},   {"last", last},        {"list", list},             {"items", items},
      {"join", join},     {"reverse", reverse},  {"sort", sort},             {"dictsort", dictsort},
      {"min", extreme<false>}, {"max", extreme<true>}, {"sum", sum},         {"batch", batch},
      {"slice", slice},
  };
  return kFilters;
}

}  // namespace loongforge::tokenizer::jinja
