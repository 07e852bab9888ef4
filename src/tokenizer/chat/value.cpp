// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/chat/value.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

namespace loongforge::tokenizer::jinja {
namespace {

constexpr size_t kIndexed = 16;

bool items_equal(const std::vector<Value>& a, const std::vector<Value>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), equal);
}

bool dicts_equal(const Dict& a, const Dict& b) {
  if (a.entries.size() != b.entries.size()) return false;
  return std::all_of(a.entries.begin(), a.entries.end(), [&](const auto& entry) {
    const Value* other = b.find(entry.first);
    return other != nullptr && equal(entry.second, *other);
  });
}

template <class T>
int order(const T& a, const T& b) {
  return a < b ? -1 : (b < a ? 1 : 0);
}

int compare_items(const std::vector<Value>& a, const std::vector<Value>& b) {
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (!equal(a[i], b[i])) return compare(a[i], b[i]);
  }
  return order(a.size(), b.size());
}

}  // namespace

const std::string& Value::text() const {
  static const std::string kEmpty;
  return kind_ == Kind::string ? object<Text>().text : kEmpty;
}

const std::vector<Value>& Value::items() const { return object<Items>().items; }

const Value* Dict::find(const Value& key) const {
  int64_t at = position(key);
  return at < 0 ? nullptr : &entries[static_cast<size_t>(at)].second;
}

const Value* Dict::find(std::string_view key) const {
  if (entries.size() < kIndexed) {
    for (const auto& [name, value] : entries)
      if (name.is_text() && name.text() == key) return &value;
    return nullptr;
  }
  auto [begin, end] = index_.equal_range(std::hash<std::string_view>{}(key));
  for (; begin != end; ++begin) {
    const auto& [name, value] = entries[begin->second];
    if (name.is_text() && name.text() == key) return &value;
  }
  return nullptr;
}

int64_t Dict::position(const Value& key) const {
  size_t code = hash(key);
  if (entries.size() < kIndexed) {
    for (size_t i = 0; i < entries.size(); ++i)
      if (equal(entries[i].first, key)) return static_cast<int64_t>(i);
    return -1;
  }
  auto [begin, end] = index_.equal_range(code);
  for (; begin != end; ++begin)
    if (equal(entries[begin->second].first, key)) return begin->second;
  return -1;
}

void Dict::set(const Value& key, Value value) {
  depth = std::max({depth, 1 + key.depth(), 1 + value.depth()});
  if (int64_t at = position(key); at >= 0) {
    entries[static_cast<size_t>(at)].second = std::move(value);
    return;
  }
  entries.emplace_back(key, std::move(value));
  size_t first = entries.size() == kIndexed ? 0 : entries.size() - 1;
  if (entries.size() < kIndexed) return;
  for (size_t i = first; i < entries.size(); ++i) index_.emplace(hash(entries[i].first), static_cast<uint32_t>(i));
}

std::string_view type_name(const Value& value) {
  static constexpr std::array<std::string_view, 16> kNames = {
      "Undefined", "NoneType", "bool",      "int",       "float",     "str",   "list",     "tuple",
      "range",     "view",     "dict",      "generator", "namespace", "Macro", "function", "LoopContext"};
  if (value.is(Kind::view)) return value.object<Items>().name;
  return kNames[static_cast<size_t>(value.kind())];
}

bool truthy(const Value& value) {
  switch (value.kind()) {
    case Kind::undefined:
    case Kind::none: return false;
    case Kind::boolean:
    case Kind::integer: return value.as_integer() != 0;
    case Kind::real: return value.as_real() != 0;
    case Kind::string: return !value.text().empty();
    case Kind::list:
    case Kind::tuple:
    case Kind::range:
    case Kind::view: return !value.items().empty();
    case Kind::dict: return !value.object<Dict>().entries.empty();
    default: return true;
  }
}

bool equal(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) {
    if (a.is_integral() && b.is_integral()) return a.as_integer() == b.as_integer();
    return a.as_real() == b.as_real();
  }
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::undefined:
    case Kind::none: return true;
    case Kind::string: return a.text() == b.text();
    case Kind::list:
    case Kind::tuple:
    case Kind::range: return a.shared() == b.shared() || items_equal(a.items(), b.items());
    case Kind::dict: return a.shared() == b.shared() || dicts_equal(a.object<Dict>(), b.object<Dict>());
    default: return a.shared() == b.shared();
  }
}

int compare(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) {
    return a.is_integral() && b.is_integral() ? order(a.as_integer(), b.as_integer()) : order(a.as_real(), b.as_real());
  }
  if (a.is_text() && b.is_text()) return order(a.text(), b.text());  // UTF-8 sorts as its code points
  if (a.kind() == b.kind() && (a.is(Kind::list) || a.is(Kind::tuple))) return compare_items(a.items(), b.items());
  fail("values of the types {} and {} have no order", type_name(a), type_name(b));
}

bool contains(const Value& container, const Value& item) {
  switch (container.kind()) {
    case Kind::undefined: return false;
    case Kind::string:
      if (!item.is_text()) fail("`in` a string needs a string, not {}", type_name(item));
      return container.text().find(item.text()) != std::string::npos;
    case Kind::list:
    case Kind::tuple:
    case Kind::range:
    case Kind::view:
      return std::any_of(container.items().begin(), container.items().end(),
                         [&](const Value& element) { return equal(element, item); });
    case Kind::dict: return container.object<Dict>().find(item) != nullptr;
    case Kind::iterator: {
      auto& iterator = container.object<Iterator>();
      while (iterator.position < iterator.items.size())
        if (equal(iterator.items[iterator.position++], item)) return true;
      return false;
    }
    default: fail("`in` needs something to search, not {}", type_name(container));
  }
}

size_t hash(const Value& value) {
  switch (value.kind()) {
    case Kind::string: return std::hash<std::string_view>{}(value.text());
    case Kind::boolean:
    case Kind::integer:
    case Kind::real: return std::hash<double>{}(value.as_real());
    case Kind::undefined:
    case Kind::none: return static_cast<size_t>(value.kind());
    case Kind::tuple: {
      size_t code = 7;
      for (const Value& item : value.items()) code = code * 1000003 + hash(item);
      return code;
    }
    case Kind::list:
    case Kind::dict: fail("a {} can't be a key", type_name(value));
    default: return std::hash<const void*>{}(value.shared().get());
  }
}

}  // namespace loongforge::tokenizer::jinja
